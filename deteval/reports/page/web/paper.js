// Printing: every chart drawn, in light, and what is too wide for the paper made smaller.

const PAPER = 690; // pixels between the margins
const SMALLER_TYPE = 0.68; // of tables on paper, as print.css has it
let printing = false;
const headings = []; // [what stands in a heading on paper, its button]: a heading with a button is not repeated

/** The width of a chart on paper: its own, as a matrix has, or all there is. */
function paperWidth(plot) {
  return parseFloat(plot.style.width) || PAPER;
}

function toPaper() {
  printing = true;
  for (const button of document.querySelectorAll("thead button")) {
    const text = document.createTextNode(button.textContent);
    headings.push([text, button]);
    button.replaceWith(text);
  }
  for (const rest of document.querySelectorAll(".rest")) rest.open = true;
  for (const table of document.querySelectorAll("main table")) fit(table, table.scrollWidth * SMALLER_TYPE);
  for (const plot of document.querySelectorAll(".plot")) {
    fit(plot, paperWidth(plot));
    drawAfresh(plot);
  }
}

function fit(element, width) {
  element.style.zoom = Math.min(1, PAPER / width);
}

function fromPaper() {
  printing = false;
  for (const [text, button] of headings.splice(0)) text.replaceWith(button);
  for (const element of document.querySelectorAll("main table, .plot")) element.style.zoom = "";
  for (const plot of drawn) drawAfresh(plot);
}

/** A chart of another size is drawn anew: Plotly would keep the room that its legend took. */
function drawAfresh(plot) {
  Plotly.purge(plot);
  draw(plot);
}

function startPaper() {
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
}
