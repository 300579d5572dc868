// Curves.

const MOST_SIGNS = 30; // points of a curve that each have a sign

/** Traces and layout of the curves of one group. */
function linesFigure(chart, group, colours) {
  const layout = baseLayout({ ...chart, y_title: yTitle(chart, group) }, colours);
  const lines = group.lines;
  if (lines.some((line) => line.x.some((x) => typeof x === "string"))) layout.xaxis.type = "category";
  if (chart.x_range) layout.xaxis.range = margined(chart.x_range);
  if (chart.y_range) layout.yaxis.range = margined(chart.y_range);
  showLegend(layout, lines);
  const companions = sharing(lines);
  layout.hovermode = companions.size ? "x unified" : "closest";
  layout.xaxis.hoverformat = ".6~g";
  const dash = dashes(lines);
  const shades = coloursOf(lines.filter((line) => !line.marker).length, colours);
  const signs = lines.length > 2 && lines.every((line) => line.x.length <= MOST_SIGNS);
  const traces = lines.map((line, position) => ({
    ...(line.marker ? mark(line, colours)
      : trace(line, position, dash[position], nth(shades, position), signs && !line.dash)),
    hovertext: hoverTexts(chart, group, line, companions.has(line)),
  }));
  return [traces, layout];
}

/** What goes up: by group where the chart says so, as where every group has a metric of its own. */
function yTitle(chart, group) {
  return chart.y_titles[group.name] ?? chart.y_title;
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
function hoverTexts(chart, group, line, together) {
  return line.x.map((x, point) => {
    const y = line.y[point];
    const apart = () => hover(line.name, [[chart.x_title, x], [yTitle(chart, group), y]]);
    const text = together ? hover("", [[line.name, y]]) : apart();
    return line.text?.[point] ? `${text}<br>${plain(line.text[point])}` : text;
  });
}

/** A range with a little room, so that a curve along the edge is seen whole. */
function margined([low, high]) {
  const room = (high - low) * 0.02;
  return [low - room, high + room];
}

/** One curve. */
function trace(line, position, dash, colour, signs) {
  return {
    type: "scatter", ...places(line), line: { color: colour, width: 2, dash, shape: line.steps ? "hv" : "linear" },
    mode: line.x.length === 1 ? "markers" : signs ? "lines+markers" : "lines",
    marker: { color: colour, size: signs ? 7 : 10, symbol: nth(SIGNS, position) },
  };
}

/** Points that are to be seen before any curve. */
function mark(line, colours) {
  const marker = { color: colours.mark, size: 15, symbol: "star", line: { color: colours.ink, width: 1 } };
  return { type: "scatter", ...places(line), mode: "markers", marker };
}

function places(line) {
  return {
    name: plain(line.name), x: line.x.map((x) => (typeof x === "string" ? plain(x) : x)), y: line.y,
    hoverinfo: "text", connectgaps: false,
  };
}
