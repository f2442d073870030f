// The pictures as a file: one SVG, with its styles inside.

import { make } from "./elements.js";
import { drawn } from "./picture.js";

const STYLES = ["stroke", "stroke-width", "stroke-dasharray", "fill", "fill-opacity", "opacity", "font-size"];
const [WIDTH, HEIGHT, ROW] = [440, 300, 20];

// The text of a file of these pictures, one below the other, and the names of their curves.
function together(pictures, names) {
  const height = pictures.length * (HEIGHT + ROW) + names.length * ROW;
  const svg = drawn("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    width: WIDTH,
    height,
    "font-family": "sans-serif",
  });
  const page = getComputedStyle(document.body);
  svg.append(drawn("rect", { width: WIDTH, height, fill: page.backgroundColor }));
  pictures.forEach((picture, i) => {
    const copy = styled(picture);
    const attributes = { x: 0, y: i * (HEIGHT + ROW) + ROW, width: WIDTH, height: HEIGHT };
    for (const [key, value] of Object.entries(attributes)) copy.setAttribute(key, value);
    const title = ["Derivative", "Primitive"][i];
    const place = { x: 54, y: i * (HEIGHT + ROW) + 18, fill: page.color, "font-size": 14 };
    svg.append(copy, drawn("text", place, title));
  });
  names.forEach((name, i) => {
    const y = pictures.length * (HEIGHT + ROW) + i * ROW + 10;
    const curve = pictures[0].querySelector(`.c${i + 1}`);
    const line = drawn("path", { d: `M54 ${y - 4}H90`, style: stylesOf(curve) });
    svg.append(line, drawn("text", { x: 98, y, fill: page.color, "font-size": 13 }, name));
  });
  return new XMLSerializer().serializeToString(svg);
}

function stylesOf(element) {
  const style = getComputedStyle(element);
  return STYLES.map((key) => `${key}:${style.getPropertyValue(key)}`).join(";");
}

function styled(picture) {
  const copy = picture.cloneNode(true);
  copy.querySelector(".cross").remove();
  const live = [...picture.querySelectorAll("*")].filter((e) => !e.classList.contains("cross"));
  [...copy.querySelectorAll("*")].forEach((e, i) => e.setAttribute("style", stylesOf(live[i])));
  return copy;
}

export function save(pictures, names) {
  const blob = new Blob([together(pictures, names)], { type: "image/svg+xml" });
  const link = make("a", { href: URL.createObjectURL(blob), download: "surrogates.svg" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
