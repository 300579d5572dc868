// Names and numbers in a chart.

const LONGEST_LABEL = 36;

/** A text from the data as Plotly shall show it, which reads a subset of HTML in every text that it is given. */
function plain(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A name beside an axis: cut in its middle, where it is long. */
function label(text) {
  const letters = [...String(text)];
  if (letters.length <= LONGEST_LABEL) return plain(text);
  const half = (LONGEST_LABEL - 1) / 2;
  return plain(letters.slice(0, Math.ceil(half)).join("") + "…" + letters.slice(-Math.floor(half)).join(""));
}

/** Lines of a hover text: [[what, value], ...], at full precision. */
function hover(title, values) {
  const lines = values.map(([what, value]) => `${plain(what)}: ${plain(value)}`);
  return [...(title === "" ? [] : [`<b>${plain(title)}</b>`]), ...lines].join("<br>");
}

/** Ticks of an axis whose positions 0, 1, ... stand for names: all of them, or every so many where there are more. */
function nameTicks(names, most) {
  const step = Math.ceil(names.length / most) || 1;
  const shown = [...names.keys()].filter((position) => position % step === 0);
  return { tickmode: "array", tickvals: shown, ticktext: shown.map((position) => label(names[position])) };
}
