// What the page shows, as the part of its address after #, so that a link shows it again.
//
// #s=Sigmoid,alpha=8&s=ERF&match=width&mean=-1&std=1&x=above&y=log&half=3

import { allowed, fresh } from "./shapes.js";
import { SURROGATES } from "./surrogates.js";

export const MOST = 6; // surrogates at once: as many as there are colours
export const MATCHES = ["none", "peak", "width", "area", "gain"];
export const X_AXES = ["linear", "above", "below"];
export const Y_AXES = ["linear", "log"];
const POTENTIAL = { mean: -1, std: 1 };
const START = ["Sigmoid", "ERF", "SuperSpike"];

// An address of any text gives a state that can be shown.
export function parse(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const chosen = query.getAll("s").map(surrogateOf).filter(Boolean).slice(0, MOST);
  const pick = (key, options) => (options.includes(query.get(key)) ? query.get(key) : options[0]);
  const number = (key, low, high, otherwise) => {
    const value = query.get(key) ? Number(query.get(key)) : NaN;
    return value >= low && value <= high ? value : otherwise;
  };
  return {
    chosen: chosen.length ? chosen : START.map(fresh),
    match: pick("match", MATCHES),
    mean: number("mean", -1e6, 1e6, POTENTIAL.mean),
    std: number("std", 1e-6, 1e6, POTENTIAL.std),
    x: pick("x", X_AXES),
    y: pick("y", Y_AXES),
    half: number("half", 1e-12, 1e12, null), // null: as far as the curves ask for
  };
}

function surrogateOf(text) {
  const [name, ...settings] = text.split(",");
  if (!Object.hasOwn(SURROGATES, name)) return null;
  const one = fresh(name);
  const { parameters, choices } = SURROGATES[name];
  for (const [key, value] of settings.map((setting) => setting.split("="))) {
    const declared = parameters.find((d) => d.name === key);
    const number = declared && value ? allowed(declared, Number(value)) : null;
    if (number !== null) one.p[key] = number;
    if (choices.some((d) => d.name === key && d.of.includes(value))) one.p[key] = value;
  }
  return one;
}

export function format(state) {
  const parts = state.chosen.map((one) => {
    const settings = changed(one).map((d) => `${d.name}=${one.p[d.name]}`);
    return `s=${[one.name, ...settings].join(",")}`;
  });
  if (state.match !== MATCHES[0]) parts.push(`match=${state.match}`);
  for (const key of ["mean", "std"]) {
    if (state[key] !== POTENTIAL[key]) parts.push(`${key}=${state[key]}`);
  }
  if (state.x !== X_AXES[0]) parts.push(`x=${state.x}`);
  if (state.y !== Y_AXES[0]) parts.push(`y=${state.y}`);
  if (state.half !== null) parts.push(`half=${state.half}`);
  return `#${parts.join("&")}`.replaceAll("+", "%2B"); // 1e+20
}

// The parameters and choices that are not what they are by default.
export function changed({ name, p }) {
  const { parameters, choices } = SURROGATES[name];
  return [...parameters, ...choices].filter((d) => p[d.name] !== d.value);
}
