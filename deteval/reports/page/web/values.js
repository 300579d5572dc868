// The data of a chart as a table, made when it is asked for.

/** Heading and rows of what a chart shows now. */
function valuesOf(chart) {
  const group = groupOf(chart);
  if (chart.kind === "Heatmap") {
    const rows = group.cells.map(([row, column, value]) => [chart.rows[row], chart.columns[column], value]);
    return [[chart.y_title, chart.x_title, "value"], rows];
  }
  if (chart.kind === "Lines") {
    const rows = group.lines.flatMap((line) => line.x.map((x, point) => [line.name, x, line.y[point]]));
    return [["line", chart.x_title, yTitle(chart, group)], rows];
  }
  const [nameTitle, ends] = [chart.horizontal ? chart.y_title : chart.x_title, group.series.some((one) => one.low)];
  const heading = group.series.flatMap((one) => (ends ? [one.name, "low", "high"] : [one.name]));
  const rows = chart.names.map((name, position) => [name, ...group.series.flatMap((one) =>
    (ends ? [one.values, one.low, one.high] : [one.values]).map((values) => inPoints(chart, values?.[position])))]);
  return [[nameTitle || "name", ...heading], rows];
}

function element(name, text = "", children = []) {
  const made = document.createElement(name);
  if (text !== "") made.textContent = text;
  made.append(...children);
  return made;
}

/** Fill an open details element; names are set as text, never as HTML. */
function showValues(details) {
  const [heading, rows] = valuesOf(chartOf(details));
  const line = (name, values) => element("tr", "", values.map((value) => {
    const cell = element(name, value ?? "n/a");
    if (typeof value === "number") cell.dataset.value = value;
    return cell;
  }));
  const table = element("table", "", [
    element("thead", "", [line("th", heading)]), element("tbody", "", rows.map((row) => line("td", row))),
  ]);
  const box = element("div", "", [table]);
  box.className = "scroll";
  box.tabIndex = 0;
  details.querySelector(".scroll")?.remove();
  details.append(box);
}

function startValues() {
  for (const details of document.querySelectorAll("details.values")) {
    details.addEventListener("toggle", () => { if (details.open) showValues(details); });
  }
}
