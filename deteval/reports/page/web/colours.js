// Colours of charts, after Okabe and Ito: told apart by colour-blind people; dashes and signs say the same again.

const LIGHT = {
  ink: "#1b1f24", faint: "#59636e", grid: "#e4e8ec", paper: "#ffffff",
  series: ["#0072b2", "#d55e00", "#008060", "#b8578f", "#a66f00", "#5b6770"],
  scale: [[0, "#f1f6fb"], [0.15, "#cfe1f2"], [0.4, "#85b8de"], [0.7, "#2f7fbc"], [1, "#083b73"]],
  both: [[0, "#b34700"], [0.5, "#f6f6f6"], [1, "#08519c"]],
  row: ["#3b0f70", "#0072b2", "#008060", "#a66f00", "#d55e00"],
  mark: "#e69f00",
};
const DARK = {
  ink: "#e6e9ec", faint: "#a3adb8", grid: "#2c333b", paper: "#171b20",
  series: ["#56b4e9", "#ef8d4b", "#33c79c", "#e095c0", "#e6c84a", "#aab4be"],
  scale: [[0, "#1c2630"], [0.15, "#1d3f5e"], [0.4, "#2a6fa3"], [0.7, "#62aee0"], [1, "#d8efff"]],
  both: [[0, "#ef8d4b"], [0.5, "#242a31"], [1, "#56b4e9"]],
  row: ["#c9a8ff", "#56b4e9", "#33c79c", "#e6c84a", "#ef8d4b"],
  mark: "#ff9f43",
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SIGNS = ["circle", "diamond", "square", "triangle-up", "x", "cross"];
const PATTERNS = ["", "/", "\\", ".", "x", "-"];

/** One of a list, from its beginning again where it is too short. */
function nth(list, position) {
  return list[position % list.length];
}

/** The colours of so many parts: all different; of too many for that, a row of colours from one end to the other. */
function coloursOf(count, colours) {
  if (count <= colours.series.length) return colours.series;
  const channels = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  const ends = colours.row.map(channels);
  return [...Array(count).keys()].map((position) => {
    const place = position / (count - 1) * (ends.length - 1);
    const left = Math.min(Math.floor(place), ends.length - 2);
    const mixed = ends[left].map((from, channel) => from + (ends[left + 1][channel] - from) * (place - left));
    return `rgb(${mixed.map(Math.round).join(",")})`;
  });
}

/** Name the parts of a chart above it, where there are several. */
function showLegend(layout, parts) {
  layout.showlegend = parts.length > 1;
  if (layout.showlegend) layout.margin.t = 40; // room for one line; Plotly makes more if it needs it
}

/** The layout that all charts share. */
function baseLayout(chart, colours) {
  const axis = {
    automargin: true, gridcolor: colours.grid, zerolinecolor: colours.faint, linecolor: colours.grid,
    tickfont: { color: colours.faint, size: 11 }, exponentformat: "none", separatethousands: true,
  };
  const title = (text) => ({ text: plain(text), font: { size: 12, color: colours.faint }, standoff: 8 });
  return {
    margin: { l: 48, r: 16, t: 12, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.faint, font: { color: colours.ink }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    xaxis: { ...axis, title: title(chart.x_title) },
    yaxis: { ...axis, title: title(chart.y_title) },
  };
}
