// The comparison page: draws what the state says, and writes it into the address.

import { format, parse } from "./address.js";
import { short } from "./axes.js";
import { cards, sample, settings } from "./controls.js";
import { button, make } from "./elements.js";
import { measure, measured, scaling } from "./measures.js";
import { across, picture } from "./picture.js";
import { inPython } from "./python.js";
import { save } from "./save.js";
import { curve } from "./shapes.js";

const MEASURES = [
  ["peak", "height"],
  ["width", "width"],
  ["area", "area"],
  ["support", "support"],
  ["gain", "gain"],
];
const PLACES = 200; // of the slider that reads values off

const root = document.getElementById("compare");
let state = parse(location.hash);
let curves = []; // of each surrogate: its derivative and its primitive, as they are drawn
let scales = [];
let xAxis = null;
let waiting = null; // what will write the address

const parts = {
  cards: make("div", { class: "cards" }),
  settings: make("div", { class: "settings", role: "group", "aria-label": "Axes and scale" }),
  pictures: make("div", { class: "pictures" }),
  reader: make("input", { id: "reader", type: "range", min: 0, max: PLACES, value: PLACES / 2, oninput: read }),
  reading: make("output", { for: "reader", class: "reading" }),
  table: make("table"),
  code: make("pre"),
  said: make("p", { role: "status", class: "said" }),
};

root.append(
  heading("Curves"),
  parts.pictures,
  make("div", { class: "reader" }, make("label", { for: "reader" }, "Read off at x"), parts.reader),
  parts.reading,
  heading("Surrogates"),
  parts.cards,
  heading("Axes and scale"),
  parts.settings,
  heading("Measures"),
  make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Measures" }, parts.table),
  heading("In Python"),
  make("div", { class: "highlight" }, parts.code),
  make(
    "div",
    { class: "actions" },
    button("Save as SVG", () => {
      save([...parts.pictures.querySelectorAll("svg.picture")], state.chosen.map(named));
      say("Saved as surrogates.svg");
    }),
    button("Start anew", () => {
      state = parse("");
      rebuilt(null);
      say("As at the beginning");
    }),
  ),
  parts.said,
);

function heading(text) {
  return make("h2", {}, text);
}

function say(text) {
  parts.said.textContent = text;
}

function named(one, index) {
  const { possible } = scales[index];
  if (possible) return one.name;
  return `${one.name} (not scaled: no finite, positive ${state.match === "peak" ? "height" : state.match})`;
}

function rebuilt(focused) {
  parts.cards.replaceChildren(...cards(state, { changed, rebuilt, say }));
  parts.settings.replaceChildren(...settings(state, { changed, automaticHalf }));
  changed();
  if (focused) document.getElementById(focused).focus();
}

function changed() {
  draw();
  clearTimeout(waiting); // browsers refuse an address that changes too often
  waiting = setTimeout(remember, 100);
}

function remember() {
  clearTimeout(waiting);
  history.replaceState(null, "", format(state));
}

// As far as all curves need: some widths, or the support.
function automaticHalf() {
  const found = state.chosen.map((one, i) => {
    const rate = scales[i]?.rate ?? 1;
    const width = measure(one, "width");
    const ends = [measure(one, "lowest"), measure(one, "highest")].map(Math.abs);
    const sizes = [2.5 * width, ...ends.map((end) => 1.3 * end)];
    const finite = sizes.filter((size) => size > 0 && size < Infinity);
    return (finite.length ? Math.max(...finite) : 2) / rate;
  });
  return Number(Math.max(...found).toPrecision(2));
}

function draw() {
  const law = { mean: state.mean, std: state.std };
  const [first] = state.chosen;
  scales = state.chosen.map((one) => scaling(one, first, state.match, law));
  curves = state.chosen.map((one, i) => ({
    derivative: curve(one, scales[i], "derivative"),
    primitive: curve(one, scales[i], "primitive"),
  }));
  document.getElementById("set-half").placeholder = automaticHalf();
  xAxis = across(state, state.half ?? automaticHalf());
  const options = { logY: state.y === "log", names: state.chosen.map((one) => one.name) };
  const density = (x) => Math.exp(-(((x - law.mean) / law.std) ** 2) / 2);
  const derivatives = curves.map((c) => c.derivative);
  const primitives = curves.map((c) => c.primitive);
  parts.pictures.replaceChildren(
    figure("Derivative g′(x), over the density of the potential", picture("Derivative", derivatives, xAxis, { ...options, density })),
    figure("Primitive g(x), and the step", picture("Primitive", primitives, xAxis, { ...options, step: true })),
    make("ul", { class: "legend" }, ...state.chosen.map((one, i) => make("li", {}, sample(i), named(one, i)))),
  );
  read();
  table(law);
  parts.code.textContent = inPython(state, scales);
}

function figure(caption, svg) {
  svg.addEventListener("pointermove", (event) => {
    parts.reader.value = PLACES * share(svg.xAt(event.clientX));
    read();
  });
  return make("figure", {}, svg, make("figcaption", {}, caption));
}

// Where on the axis an x lies, from 0 to 1, and back.
function share(x) {
  const [from, to] = [xAxis.place(xAxis.low), xAxis.place(xAxis.high)];
  return (xAxis.place(x) - from) / (to - from);
}

function read() {
  const [from, to] = [xAxis.place(xAxis.low), xAxis.place(xAxis.high)];
  const at = xAxis.back(from + (Number(parts.reader.value) / PLACES) * (to - from));
  const x = Number(at.toPrecision(4));
  for (const svg of parts.pictures.querySelectorAll("svg.picture")) svg.showAt(x);
  const said = state.chosen.map(
    (one, i) => `${one.name} g′ ${short(curves[i].derivative(x))}, g ${short(curves[i].primitive(x))}`,
  );
  parts.reader.setAttribute("aria-valuetext", `x ${short(x)}: ${said.join("; ")}`);
  parts.reading.replaceChildren(
    make("span", {}, `x = ${short(x)}`),
    ...said.map((text, i) => make("span", {}, sample(i), text)),
  );
}

function table(law) {
  const head = ["surrogate", ...MEASURES.map(([, label]) => label)];
  const rows = state.chosen.map((one, i) => {
    const found = measured(one, scales[i], law);
    found.support = `${short(found.lowest)} to ${short(found.highest)}`;
    const cells = MEASURES.map(([key]) =>
      make("td", {}, key === "support" ? found.support : short(found[key])),
    );
    return make("tr", {}, make("th", { scope: "row" }, sample(i), named(one, i)), ...cells);
  });
  parts.table.replaceChildren(
    make("caption", {}, `Of the derivative, as it is drawn; the gain over a potential of mean ${short(state.mean)} and spread ${short(state.std)}`),
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows),
  );
}

window.addEventListener("hashchange", () => {
  state = parse(location.hash);
  rebuilt(null);
});
rebuilt(null);
