// Draws charts: when they come into view, when a class is picked, when the theme changes, and before printing.

const FIGURES = { Lines: linesFigure, Bars: barsFigure, Heatmap: heatmapFigure };
const CONFIG = {
  displayModeBar: false, // its buttons want a mouse, and one would send the chart away
  responsive: true, typesetMath: false, showTips: false,
};

const source = document.getElementById("charts");
const charts = source ? JSON.parse(source.textContent) : {};
for (const { groups, places } of Object.values(charts)) { // where points stand is told once for all curves
  for (const line of groups.flatMap((group) => group.lines ?? [])) line.x = places[line.x];
}
const picked = new Map(); // by family of charts, the position of the group
const drawn = new Set(); // elements

function chartOf(element) {
  return charts[element.dataset.chart];
}

/** The group of a chart that is picked. */
function groupOf(chart) {
  return chart.groups[picked.get(chart.family) ?? 0];
}

function draw(element) {
  const chart = chartOf(element);
  const [traces, layout] = FIGURES[chart.kind](chart, groupOf(chart), isDark() && !printing ? DARK : LIGHT);
  if (printing) layout.width = paperWidth(element);
  Plotly.react(element, traces, layout, CONFIG);
  drawn.add(element);
}

function redraw(elements = drawn) {
  for (const element of elements) draw(element);
}

/** Show another group in every chart of a family. */
function pick(family, position) {
  picked.set(family, position);
  for (const select of document.querySelectorAll(`select[data-family="${family}"]`)) select.value = position;
  const ofFamily = (element) => chartOf(element).family === family;
  redraw([...drawn].filter(ofFamily));
  for (const details of document.querySelectorAll("details.values[open]")) if (ofFamily(details)) showValues(details);
}

/** Save a chart as a file of vector graphics. */
function save(button) {
  const element = button.closest(".chart").querySelector(".plot");
  Plotly.downloadImage(element, { format: "svg", filename: element.dataset.chart });
}

function startCharts() {
  const plots = [...document.querySelectorAll(".plot")];
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && !drawn.has(target)) draw(target);
      if (isIntersecting) watcher.unobserve(target);
    }
  }, { rootMargin: "400px" });
  for (const plot of plots) watcher.observe(plot);
  for (const select of document.querySelectorAll("select[data-family]")) {
    select.addEventListener("change", () => pick(Number(select.dataset.family), Number(select.value)));
  }
  for (const button of document.querySelectorAll("button.save")) button.addEventListener("click", () => save(button));
}
