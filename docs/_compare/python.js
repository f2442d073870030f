// The Python code that gives the curves of the page.

import { changed } from "./address.js";

export function inPython(state, scales) {
  const lines = state.chosen.map((one, i) => `    ${expression(state, one, scales[i])},`);
  return ["import surrogates", "", "compared = [", ...lines, "]"].join("\n");
}

function expression(state, one, { possible }) {
  const [first] = state.chosen;
  if (state.match === "none" || one === first || !possible) return call(one);
  const over = state.match === "gain" ? `, mean=${float(state.mean)}, std=${float(state.std)}` : "";
  return `surrogates.matched(${call(one)}, ${call(first)}, by="${state.match}"${over})`;
}

function call(one) {
  const settings = changed(one).map((d) => `${d.name}=${literal(d, one.p[d.name])}`);
  return `surrogates.${one.name}(${settings.join(", ")})`;
}

function literal(declared, value) {
  if (declared.of) return JSON.stringify(value);
  return declared.counts ? String(value) : float(value);
}

const float = (value) => (/[.e]/.test(String(value)) ? String(value) : `${value}.0`);
