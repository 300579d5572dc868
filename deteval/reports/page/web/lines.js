// Curves.

/** Traces and layout of the curves of one group. */
function linesFigure(chart, group, colours) {
  const layout = baseLayout(chart, colours);
  const lines = group.lines;
  if (lines.some((line) => line.x.some((x) => typeof x === "string"))) layout.xaxis.type = "category";
  if (chart.x_range) layout.xaxis.range = margined(chart.x_range);
  if (chart.y_range) layout.yaxis.range = margined(chart.y_range);
  showLegend(layout, lines);
  const companions = sharing(lines);
  layout.hovermode = companions.size ? "x unified" : "closest";
  layout.xaxis.hoverformat = ".6~g";
  const dash = dashes(lines);
  const traces = lines.map((line, position) => ({
    ...trace(line, position, dash[position], colours), hovertext: hoverTexts(chart, line, companions.has(line)),
  }));
  return [traces, layout];
}

/** The curves that have their points at the same places as the first one: they are told together. */
function sharing(lines) {
  const places = String(lines[0]?.x);
  const same = lines.filter((line) => line.x.length > 2 && String(line.x) === places);
  return new Set(same.length > 1 ? same : []);
}

/** The dash of each curve: as the data says, the others all different. */
function dashes(lines) {
  const told = lines.some((line) => line.dash);
  const free = told ? DASHES.filter((dash) => dash !== "dash") : DASHES;
  let used = 0;
  return lines.map((line) => (line.dash ? "dash" : nth(free, used++)));
}

/** What is shown at each point; together: under a heading that says where all of them stand. */
function hoverTexts(chart, line, together) {
  return line.x.map((x, point) => {
    const y = line.y[point];
    const text = together ? hover("", [[line.name, y]]) : hover(line.name, [[chart.x_title, x], [chart.y_title, y]]);
    return line.text?.[point] ? `${text}<br>${plain(line.text[point])}` : text;
  });
}

/** A range with a little room, so that a curve along the edge is seen whole. */
function margined([low, high]) {
  const room = (high - low) * 0.02;
  return [low - room, high + room];
}

/** One curve. */
function trace(line, position, dash, colours) {
  const colour = nth(colours.series, position);
  return {
    type: "scatter", name: plain(line.name), x: line.x.map((x) => (typeof x === "string" ? plain(x) : x)), y: line.y,
    mode: line.marker || line.x.length === 1 ? "markers" : "lines",
    line: { color: colour, width: 2, dash, shape: line.steps ? "hv" : "linear" },
    marker: { color: colour, size: 10, symbol: nth(SIGNS, position), line: { color: colours.paper, width: 1 } },
    hoverinfo: "text", connectgaps: false,
  };
}
