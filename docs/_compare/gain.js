// The root mean square of a derivative over normal potentials, by adaptive quadrature.

const NODES = 12;
const FURTHEST = 38; // standard deviations, beyond which the density is 0
const MOST = 20000; // panels; a formula that varies oftener has no answer here
const { nodes, weights } = gaussLegendre(NODES);

function gaussLegendre(n) {
  const found = { nodes: [], weights: [] };
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let again = 0; again < 50; again++) {
      let [before, now] = [1, x];
      for (let k = 2; k <= n; k++) {
        [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
      }
      slope = (n * (x * now - before)) / (x * x - 1);
      x -= now / slope;
    }
    found.nodes.push(x);
    found.weights.push(2 / ((1 - x * x) * slope * slope));
  }
  return found;
}

// NaN where it cannot be told: the mean has parts beyond the density, or varies too often.
export function rmsOver(form, p, { mean, std }) {
  const value = (x) => form.derivative(x, p);
  const low = mean - FURTHEST * std;
  const high = mean + FURTHEST * std;
  const edges = edgesOf(low, high, std);
  let scale = 0;
  for (let i = 1; i < edges.length; i++) {
    scale = Math.max(scale, Math.abs(value((edges[i - 1] + edges[i]) / 2)));
  }
  scale = Math.max(scale, Math.abs(value(0)));
  if (scale === 0) scale = 1;
  if (!Number.isFinite(scale)) return NaN;
  const weighted = (x) => {
    const g = value(x) / scale;
    const z = (x - mean) / std;
    return g * g * Math.exp((-z * z) / 2);
  };
  // The integral over a panel, and whether the formula is one within it.
  const rule = (a, b) => {
    const half = (b - a) / 2;
    const first = form.conditions.map((c) => c(a + half * (1 + nodes[0]), p));
    let sum = 0;
    let smooth = true;
    for (let i = 0; i < NODES; i++) {
      const x = a + half * (1 + nodes[i]);
      sum += weights[i] * weighted(x);
      smooth &&= form.conditions.every((c, k) => c(x, p) === first[k]);
    }
    return { sum: half * sum, smooth };
  };
  const waiting = edges.slice(1).map((b, i) => [edges[i], b, rule(edges[i], b)]);
  const estimate = waiting.reduce((sum, [, , coarse]) => sum + coarse.sum, 0);
  const top = (form.peak?.(p) ?? scale) / scale;
  let total = 0;
  let most = 0;
  let counted = 0;
  while (waiting.length) {
    const [a, b, coarse] = waiting.pop();
    const middle = (a + b) / 2;
    const left = rule(a, middle);
    const right = rule(middle, b);
    const fine = left.sum + right.sum;
    if (!Number.isFinite(fine) || ++counted > MOST) return NaN;
    most = Math.max(most, fine / (b - a));
    const agree = coarse.smooth && Math.abs(fine - coarse.sum) <= 1e-11 * fine;
    // What the panel can hold at most, should a narrow bump lie between its nodes.
    const z = a < mean && b > mean ? 0 : Math.min(Math.abs(a - mean), Math.abs(b - mean)) / std;
    const bound = (b - a) * (coarse.smooth ? fine / (b - a) : top * top * Math.exp((-z * z) / 2));
    const tiny = bound <= 1e-14 * Math.max(total, estimate);
    if (agree || tiny || b - a <= 1e-13 * Math.max(Math.abs(a), Math.abs(b))) total += fine;
    else waiting.push([a, middle, left], [middle, b, right]);
  }
  // Where the integrand has not fallen at the ends, some of it lies beyond them.
  if (Math.max(weighted(low), weighted(high)) > 1e-12 * most) return NaN;
  return scale * Math.sqrt(total / (std * Math.sqrt(2 * Math.PI)));
}

// Half a standard deviation apart, and ever closer towards 0.
function edgesOf(low, high, std) {
  const found = new Set([low, high, 0]);
  for (let x = low; x < high; x += std / 2) found.add(x);
  for (let size = 4 * std; size > 1e-20 * std; size /= 4) found.add(size).add(-size);
  return [...found].filter((x) => x >= low && x <= high).sort((a, b) => a - b);
}
