// Axes: from numbers to places in a picture, their ticks, and numbers as a reader likes them.

// From [low, high] to [from, to], linearly or by logarithms.
export function axis(low, high, from, to, log) {
  const of = log ? Math.log10 : (v) => v;
  const [a, b] = [of(low), of(high)];
  const back = (at) => {
    const v = a + ((at - from) / (to - from)) * (b - a);
    return log ? 10 ** v : v;
  };
  const place = (v) => from + ((of(v) - a) / (b - a)) * (to - from);
  return { place, back, ticks: log ? decades(low, high) : ticks(low, high), low, high, log };
}

function ticks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999) ?? raw;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i++) found.push(i * step);
  return found;
}

function decades(low, high) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first) / 5));
  const found = [];
  for (let i = first; i <= last; i += every) found.push(10 ** i);
  return found;
}

// Four digits; with a true minus sign.
export function short(value) {
  if (Number.isNaN(value)) return "none";
  if (Math.abs(value) === Infinity) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text =
    value === 0 || (size >= 1e-3 && size < 1e5)
      ? String(Number(value.toPrecision(4)))
      : value.toExponential(3).replace(/\.?0*e\+?/, "e");
  return text.replaceAll("-", "−");
}

// The range of a picture that holds these values.
export function rangeOf(values, log) {
  const finite = values.filter(Number.isFinite);
  if (log) {
    const positive = finite.filter((v) => v > 0);
    if (!positive.length) return [0.1, 1];
    const high = 10 ** Math.ceil(Math.log10(largest(positive)) + 0.02);
    const low = 10 ** Math.floor(Math.log10(-largest(positive.map((v) => -v))));
    return [Math.min(Math.max(low, high * 1e-8), high / 10), high];
  }
  const high = largest([0, ...finite]);
  const low = -largest([0, ...finite.map((v) => -v)]);
  const room = 0.06 * (high - low || 1);
  return [low < 0 ? low - room : 0, high + room];
}

const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
