// The two pictures, derivative and primitive, as SVG.

import { axis, rangeOf, short } from "./axes.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440;
const HEIGHT = 300;
const FRAME = { left: 54, right: 12, top: 14, bottom: 30 };
const POINTS = 880; // two for each unit of the picture
// Besides the colour, for those who see none.
export const DASHES = ["", "9 4", "2 4", "12 4 2 4", "5 3", "14 4 2 4 2 4"];

export function drawn(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// The values of x that a picture shows: from end to end, or by logarithms on one side of 0.
export function across(state, half) {
  if (state.x === "linear") return axis(-half, half, FRAME.left, WIDTH - FRAME.right, false);
  const side = state.x === "above" ? 1 : -1;
  const log = axis(half * 1e-5, half, FRAME.left, WIDTH - FRAME.right, true);
  if (side > 0) return log;
  const turned = (at) => WIDTH - FRAME.right + FRAME.left - at;
  return {
    ...log,
    place: (x) => turned(log.place(-x)),
    back: (at) => -log.back(turned(at)),
    ticks: log.ticks.map((t) => -t),
    low: -log.high,
    high: -log.low,
  };
}

// A picture of curves, {name, at: x => y}; `density` is drawn behind them.
export function picture(title, curves, xAxis, { logY, density, step, names }) {
  const xs = Array.from({ length: POINTS + 1 }, (_, i) =>
    xAxis.back(FRAME.left + (i / POINTS) * (WIDTH - FRAME.left - FRAME.right)),
  );
  const ys = curves.map((curve) => xs.map(curve));
  const [low, high] = rangeOf(step ? [...ys.flat(), 0, 1] : ys.flat(), logY);
  const yAxis = axis(low, high, HEIGHT - FRAME.bottom, FRAME.top, logY);
  const svg = drawn("svg", {
    class: "picture",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": `${title} of ${names.join(", ")}, for x from ${short(xAxis.low)} to ${short(xAxis.high)}. The table and the values that are read off say the same in numbers.`,
  });
  grid(svg, xAxis, yAxis);
  const inside = drawn("svg", {
    x: FRAME.left,
    y: FRAME.top,
    width: WIDTH - FRAME.left - FRAME.right,
    height: HEIGHT - FRAME.top - FRAME.bottom,
    viewBox: `${FRAME.left} ${FRAME.top} ${WIDTH - FRAME.left - FRAME.right} ${HEIGHT - FRAME.top - FRAME.bottom}`,
    overflow: "hidden", // which clips
  });
  svg.append(inside);
  if (density) inside.append(drawn("path", { class: "density", d: filled(xs, density, xAxis) }));
  if (step && !logY) {
    const d = pathOf([xAxis.low, 0, 0, xAxis.high], [0, 0, 1, 1], xAxis, yAxis);
    if (xAxis.low < 0 && xAxis.high > 0) inside.append(drawn("path", { class: "step", d }));
  }
  ys.forEach((values, i) => {
    const d = pathOf(xs, values, xAxis, yAxis);
    inside.append(drawn("path", { class: `curve c${i + 1}`, "stroke-dasharray": DASHES[i], d }));
  });
  const cross = drawn("path", { class: "cross", d: "" });
  svg.append(cross);
  svg.showAt = (x) => {
    const at = xAxis.place(x);
    cross.setAttribute("d", `M${at.toFixed(1)} ${FRAME.top}V${HEIGHT - FRAME.bottom}`);
  };
  svg.xAt = (clientX) => {
    const box = svg.getBoundingClientRect();
    return xAxis.back(((clientX - box.left) / box.width) * WIDTH);
  };
  return svg;
}

function grid(svg, xAxis, yAxis) {
  const floor = HEIGHT - FRAME.bottom;
  for (const t of xAxis.ticks) {
    const at = xAxis.place(t).toFixed(1);
    svg.append(
      drawn("path", { class: t === 0 ? "zero" : "grid", d: `M${at} ${FRAME.top}V${floor}` }),
      drawn("text", { class: "below", x: at, y: HEIGHT - 10, "text-anchor": "middle" }, short(t)),
    );
  }
  for (const t of yAxis.ticks) {
    const at = yAxis.place(t).toFixed(1);
    svg.append(
      drawn("path", { class: t === 0 ? "zero" : "grid", d: `M${FRAME.left} ${at}H${WIDTH - FRAME.right}` }),
      drawn("text", { class: "beside", x: FRAME.left - 7, y: Number(at) + 4, "text-anchor": "end" }, short(t)),
    );
  }
}

// What is outside of the picture breaks the line, after one point that leads out of it.
function pathOf(xs, ys, xAxis, yAxis) {
  let d = "";
  let pen = "M";
  ys.forEach((y, i) => {
    let at = yAxis.place(y);
    if (Number.isNaN(at)) {
      pen = "M";
      return;
    }
    at = Math.min(Math.max(at, -HEIGHT), 2 * HEIGHT);
    d += `${pen}${xAxis.place(xs[i]).toFixed(1)} ${at.toFixed(1)}`;
    pen = "L";
  });
  return d;
}

// The density of the potential, as high as most of the picture.
function filled(xs, density, xAxis) {
  const floor = HEIGHT - FRAME.bottom;
  const height = 0.85 * (floor - FRAME.top);
  const points = xs.map((x) => `${xAxis.place(x).toFixed(1)} ${(floor - height * density(x)).toFixed(1)}`);
  const ends = [xs[0], xs.at(-1)].map((x) => xAxis.place(x).toFixed(1));
  return `M${ends[0]} ${floor}L${points.join("L")}L${ends[1]} ${floor}Z`;
}
