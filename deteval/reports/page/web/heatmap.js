// A matrix of numbers.

const MOST_WRITTEN = 14;

/** Traces and layout of the matrix of one group. */
function heatmapFigure(chart, group, colours) {
  const layout = baseLayout(chart, colours);
  const values = group.cells.map(([, , value]) => value);
  const signed = values.some((value) => value < 0);
  const shade = chart.log && !signed ? (value) => Math.log10(Math.max(value, Number.MIN_VALUE)) : (value) => value;
  const empty = (filling) => chart.rows.map(() => chart.columns.map(() => filling));
  const [shades, texts, written] = [empty(null), empty(""), empty("")];
  for (const [row, column, value] of group.cells) {
    shades[row][column] = shade(value);
    texts[row][column] = hover("", [[chart.y_title, chart.rows[row]], [chart.x_title, chart.columns[column]],
      ["value", value]]);
    written[row][column] = short(value);
  }
  const small = chart.rows.length <= MOST_WRITTEN && chart.columns.length <= MOST_WRITTEN;
  const cells = {
    type: "heatmap", z: shades, hovertext: texts, hoverinfo: "text", hoverongaps: false, xgap: 1, ygap: 1,
    text: written, texttemplate: small ? "%{text}" : "", colorscale: signed ? colours.both : colours.scale,
    colorbar: {
      thickness: 10, outlinewidth: 0, tickfont: { size: 11, color: colours.faint }, ...powers(chart, signed),
    },
    ...(signed ? { zmid: 0 } : {}),
  };
  for (const [axis, names] of [[layout.xaxis, chart.columns], [layout.yaxis, chart.rows]]) {
    Object.assign(axis, nameTicks(names, Infinity), { showgrid: false, zeroline: false });
  }
  layout.xaxis.range = [-0.5, chart.columns.length - 0.5];
  layout.yaxis.range = [chart.rows.length - 0.5, -0.5];
  if (!small) for (const axis of [layout.xaxis, layout.yaxis]) axis.tickfont = { size: 9, color: colours.faint };
  if (group.best) layout.shapes = [frame(group.best, colours)];
  return [[cells], layout];
}

/** A number of a cell, short enough to stand in it. */
function short(value) {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) < 1 ? value.toFixed(3) : value.toPrecision(4);
}

/** Ticks of the colour bar: powers of ten where colours go by the logarithm. */
function powers(chart, signed) {
  if (!chart.log || signed) return {};
  const exponents = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
  return { tickvals: exponents, ticktext: exponents.map((exponent) => String(10 ** exponent)) };
}

/** The mark of the best cell: a frame around it. */
function frame([row, column], colours) {
  const line = { color: colours.mark, width: 4 };
  return { type: "rect", x0: column - 0.5, x1: column + 0.5, y0: row - 0.5, y1: row + 0.5, line };
}
