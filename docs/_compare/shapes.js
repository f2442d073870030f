// Surrogates with their parameters: {name, p}, where p holds numbers and choices by name.

import { SURROGATES } from "./surrogates.js";

// A surrogate with the parameters that it has by default.
export function fresh(name) {
  const { parameters, choices } = SURROGATES[name];
  return { name, p: Object.fromEntries([...parameters, ...choices].map((d) => [d.name, d.value])) };
}

// The formulas and measures that belong to the choices and counts of a surrogate.
export function formOf({ name, p }) {
  const { parameters, choices, forms } = SURROGATES[name];
  const structural = [...choices, ...parameters.filter((d) => d.counts)];
  return forms[structural.map((d) => p[d.name]).join(",")];
}

// A number as the parameter allows it; null where it is not a number.
export function allowed(declared, value) {
  if (!Number.isFinite(value)) return null;
  const limited = Math.min(Math.max(value, declared.low), declared.high);
  return declared.counts ? Math.round(limited) : limited + 0; // no -0
}

// The window that a slider moves in: four decades around the default, or around 0.
export function windowOf(declared) {
  const { value, low, high, start } = declared;
  if (declared.counts) return { low, high };
  if (start === null) {
    const reach = Math.max(2, 2 * Math.abs(value));
    return { low: Math.max(low, -reach), high: Math.min(high, reach) };
  }
  const centre = value > start ? value - start : 1;
  const least = Math.max(low - start, centre / 100);
  return { low: start + least, high: Math.min(high, start + centre * 100) };
}

// amplitude * g'(rate * x), or the primitive of that, which is 1/2 at 0.
export function curve(one, { amplitude, rate }, kind) {
  const form = formOf(one);
  const p = one.p;
  if (kind === "derivative") return (x) => amplitude * form.derivative(rate * x, p);
  if (amplitude === 1 && rate === 1) return (x) => form.primitive(x, p);
  return (x) => 0.5 + (amplitude / rate) * (form.primitive(rate * x, p) - 0.5);
}

export const UNSCALED = { amplitude: 1, rate: 1, possible: true };
