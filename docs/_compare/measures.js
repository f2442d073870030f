// Peak, width, area, support and gain of a surrogate, and the scale that makes them equal.

import { rmsOver } from "./gain.js";
import { formOf, UNSCALED } from "./shapes.js";

const PER_OCTAVE = 32;
const kept = new Map(); // a search takes milliseconds, and a slider asks for many

// "peak", "width", "area", "lowest" or "highest": as the definition states it, or by a search.
export function measure(one, name) {
  const form = formOf(one);
  if (form[name]) return form[name](one.p);
  const key = JSON.stringify([one, name]);
  if (!kept.has(key)) {
    if (kept.size > 1000) kept.clear();
    const top = highest((x) => form.derivative(x, one.p), Object.values(one.p));
    kept.set(key, name === "peak" ? top.value : top.width);
  }
  return kept.get(key);
}

// The largest value of a function, and the full width at half of it.
function highest(f, values) {
  const centres = new Set([0, ...values.filter(Number.isFinite).flatMap((v) => [v, -v])]);
  let place = 0;
  let value = f(0);
  let step = 0;
  for (const centre of centres) {
    for (let i = -20 * PER_OCTAVE; i <= 20 * PER_OCTAVE; i++) {
      for (const side of [-1, 1]) {
        const distance = 2 ** (i / PER_OCTAVE);
        const found = f(centre + side * distance);
        if (found > value) [place, value, step] = [centre + side * distance, found, distance];
      }
    }
    if (f(centre) > value) [place, value, step] = [centre, f(centre), 0];
  }
  if (step > 0) {
    const factor = 2 ** (1 / PER_OCTAVE) - 1;
    place = summit(f, place - step * factor, place + step * factor);
    value = f(place);
  }
  // of an even shape with two highest places, the width is that of the bump between them
  const middle = f(-place) === value ? 0 : place;
  if (value <= 0 || f(middle) < value / 2) return { value, width: Infinity };
  return { value, width: edge(f, middle, value / 2, -1) + edge(f, middle, value / 2, 1) };
}

// Where a function that rises, then falls, is highest: a golden section.
function summit(f, low, high) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let a = high - ratio * (high - low);
  let b = low + ratio * (high - low);
  for (let i = 0; i < 80; i++) {
    if (f(a) > f(b)) {
      [high, b] = [b, a];
      a = high - ratio * (high - low);
    } else {
      [low, a] = [a, b];
      b = low + ratio * (high - low);
    }
  }
  return (low + high) / 2;
}

// How far from a place a function first falls to a level.
function edge(f, place, level, side) {
  let inner = 0;
  let outer = 2 ** -30;
  while (f(place + side * outer) > level) {
    [inner, outer] = [outer, outer * 1.05];
    if (outer > 1e18) return Infinity;
  }
  for (let i = 0; i < 100; i++) {
    const middle = (inner + outer) / 2;
    if (f(place + side * middle) > level) inner = middle;
    else outer = middle;
  }
  return outer;
}

// The root mean square of the derivative over potentials of a normal distribution.
export function gain(one, scale, law) {
  const form = formOf(one);
  // of the potentials as the shape sees them
  const seen = { mean: scale.rate * law.mean, std: scale.rate * law.std };
  return scale.amplitude * rmsOver(form, one.p, seen);
}

// The scale that makes a measure of a surrogate equal to that of the first.
export function scaling(one, first, match, law) {
  if (match === "none" || one === first) return UNSCALED;
  const of = (s) => (match === "gain" ? gain(s, UNSCALED, law) : measure(s, match));
  const mine = of(one);
  const its = of(first);
  const ratio = mine / its;
  // the range that the parameters of Scaled have
  const possible = [mine, its, ratio, 1 / ratio].every((v) => v >= 1e-15 && v <= 1e15);
  if (!possible) return { ...UNSCALED, possible };
  if (match === "width") return { amplitude: 1, rate: ratio, possible };
  return { amplitude: its / mine, rate: 1, possible };
}

// All that the table shows of a surrogate at its scale.
export function measured(one, scale, law) {
  const { amplitude, rate } = scale;
  return {
    peak: amplitude * measure(one, "peak"),
    width: measure(one, "width") / rate,
    area: (amplitude / rate) * measure(one, "area"),
    lowest: measure(one, "lowest") / rate,
    highest: measure(one, "highest") / rate,
    gain: gain(one, scale, law),
  };
}
