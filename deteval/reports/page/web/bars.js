// Bars beside or on top of each other, and intervals.

const MOST_LABELS = 30;

/** A value as the axis counts it: a share of a metric in points, hundredths of it. */
function inPoints(chart, value) {
  return chart.points && value != null ? Number((100 * value).toPrecision(15)) : value;
}

/** Traces and layout of the bars of one group. */
function barsFigure(chart, group, colours) {
  const layout = baseLayout(chart, colours);
  const numbers = chart.names.every((name) => typeof name === "number");
  const positions = numbers ? chart.names : [...chart.names.keys()];
  const [along, across] = chart.horizontal ? [layout.yaxis, layout.xaxis] : [layout.xaxis, layout.yaxis];
  if (!numbers) Object.assign(along, nameTicks(chart.names, chart.horizontal ? Infinity : MOST_LABELS));
  if (chart.horizontal) along.range = [chart.names.length - 0.5, -0.5]; // the first name on top
  along.showgrid = along.zeroline = false;
  if (chart.log) Object.assign(across, { type: "log", dtick: 1 });
  const intervals = chart.horizontal && group.series.some((series) => series.low);
  Object.assign(layout, {
    barmode: chart.stacked ? "stack" : "group", bargap: numbers ? 0.06 : 0.28, hovermode: "closest",
  });
  showLegend(layout, group.series);
  const build = intervals ? points : bars;
  return [group.series.map((series, position) => build(chart, group, positions, series, position, colours)), layout];
}

/** What bars and points have in common. */
function member(chart, positions, series, colour) {
  const [along, across] = chart.horizontal ? ["y", "x"] : ["x", "y"];
  const [nameTitle, valueTitle] = chart.horizontal ? [chart.y_title, chart.x_title] : [chart.x_title, chart.y_title];
  const texts = series.values.map((value, position) => {
    const lines = [[nameTitle || "name", chart.names[position]], [valueTitle, inPoints(chart, value)]];
    if (series.low?.[position] != null) lines.push(["interval", `${series.low[position]} to ${series.high[position]}`]);
    return hover(series.name, lines);
  });
  return {
    name: plain(series.name), [along]: positions, [across]: series.values.map((value) => inPoints(chart, value)),
    hovertext: texts, hoverinfo: "text",
    textposition: "none", ...interval(`error_${across}`, series, colour),
  };
}

/** Whiskers from the low to the high end of each value's interval. */
function interval(name, series, colour) {
  if (!series.low) return {};
  const length = (from, to) => (from == null || to == null ? undefined : to - from); // null would be a bar of no length
  return {
    [name]: {
      type: "data", symmetric: false, color: colour, thickness: 1.5, width: 4,
      array: series.values.map((value, position) => length(value, series.high[position])),
      arrayminus: series.values.map((value, position) => length(series.low[position], value)),
    },
  };
}

function bars(chart, group, positions, series, position, colours) {
  const colour = nth(colours.series, position);
  const pattern = { shape: nth(PATTERNS, position), solidity: 0.2, size: 7, bgcolor: colour, fgcolor: colours.paper };
  return {
    type: "bar", orientation: chart.horizontal ? "h" : "v", marker: { color: colour, pattern },
    ...member(chart, positions, series, colours.ink),
  };
}

/** Whether an interval excludes 0. */
function isProven(series, position) {
  return series.low?.[position] > 0 || series.high?.[position] < 0;
}

/** Values as points with whiskers, for intervals side by side; series stand a little apart. */
function points(chart, group, positions, series, position, colours) {
  const colour = nth(colours.series, position);
  const sign = nth(SIGNS, position);
  const symbol = series.values.map((_, place) => (isProven(series, place) ? sign : `${sign}-open`));
  const apart = (position - (group.series.length - 1) / 2) * 0.22;
  return {
    type: "scatter", mode: "markers", marker: { color: colour, size: 8, line: { color: colour, width: 1.5 }, symbol },
    ...member(chart, positions.map((place) => place + apart), series, colour),
  };
}
