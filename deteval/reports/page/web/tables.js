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

function startTables() {
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
