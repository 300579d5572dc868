// Sorting and filtering of tables.

const WORDS = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** A cell's value to sort by: a number, a text, or null for n/a. */
function sortValue(cell) {
  if (cell.classList.contains("missing")) return null;
  const text = cell.dataset.value ?? cell.textContent;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** Compare two values; n/a comes last in either direction. */
function compare(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number" ? a - b : WORDS.compare(String(a), String(b));
  return order * direction;
}

/** Sort by a column: numbers the largest first, texts from A to Z; once more, the other way round. */
function sortBy(heading) {
  const numeric = heading.classList.contains("number");
  const now = heading.getAttribute("aria-sort");
  const next = (now === "none" ? numeric : now === "ascending") ? "descending" : "ascending";
  for (const other of heading.parentElement.children) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", next);
  const body = heading.closest("table").tBodies[0];
  const rows = [...body.rows].map((row) => [sortValue(row.cells[heading.cellIndex]), row]);
  rows.sort(([a], [b]) => compare(a, b, next === "ascending" ? 1 : -1));
  body.append(...rows.map(([, row]) => row));
}

/** Leave the rows that hold the text that was typed. */
function filterBy(input) {
  const wanted = input.value.trim().toLowerCase();
  const rows = [...document.getElementById(input.dataset.table).tBodies[0].rows];
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  const left = rows.filter((row) => !row.hidden).length;
  input.closest(".filter").querySelector("output").textContent =
    left === rows.length ? `${rows.length} rows` : `${left} of ${rows.length} rows`;
}

/** Say what of a table lies beyond its box: a fade at its edges, and how many rows are in view. */
function tellBeyond(frame) {
  const box = frame.querySelector(".scroll");
  const [right, below] = [box.scrollWidth - box.clientWidth - box.scrollLeft, box.scrollHeight - box.clientHeight];
  frame.classList.toggle("right", right > 1);
  frame.classList.toggle("below", below - box.scrollTop > 1);
  const words = frame.nextElementSibling;
  const whole = frame.classList.contains("whole");
  words.hidden = below <= 1 && !whole;
  if (words.hidden) return;
  const rows = [...box.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  const room = box.clientHeight - box.querySelector("thead").offsetHeight;
  const seen = whole ? rows.length : Math.min(rows.length, Math.floor(room / (rows[0]?.offsetHeight || 1)));
  words.firstElementChild.textContent = whole ? `All ${rows.length.toLocaleString("en")} rows.` :
    `${seen.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows in view; scroll for the others.`;
  words.lastElementChild.textContent = whole ? "Show fewer rows" : "Show all rows";
}

function startWindows() {
  const changed = new ResizeObserver((entries) => {
    for (const { target } of entries) tellBeyond(target.closest(".window"));
  });
  for (const frame of document.querySelectorAll(".window")) {
    const box = frame.querySelector(".scroll");
    box.addEventListener("scroll", () => tellBeyond(frame), { passive: true });
    for (const part of [box, box.firstElementChild]) changed.observe(part);
    frame.nextElementSibling.lastElementChild.addEventListener("click", () => {
      frame.classList.toggle("whole");
      tellBeyond(frame);
    });
  }
}

function startTables() {
  startWindows();
  document.querySelector("main").addEventListener("mouseover", ({ target }) => {
    if (target.dataset.value !== undefined) target.title = target.dataset.value; // the full number of a rounded one
  });
  for (const button of document.querySelectorAll("th > button")) {
    button.addEventListener("click", () => sortBy(button.parentElement));
  }
  for (const input of document.querySelectorAll(".filter input")) {
    input.addEventListener("input", () => filterBy(input));
  }
}
