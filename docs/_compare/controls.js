// The controls: a card for each surrogate, and the settings of the pictures.

import { MOST } from "./address.js";
import { button, choice, make, number } from "./elements.js";
import { DASHES, drawn } from "./picture.js";
import { allowed, fresh, windowOf } from "./shapes.js";
import { SURROGATES } from "./surrogates.js";

// A piece of the curve, as it is drawn.
export function sample(index) {
  const svg = drawn("svg", { class: "sample", viewBox: "0 0 36 12", "aria-hidden": "true" });
  const d = "M1 6H35";
  svg.append(drawn("path", { class: `curve c${index + 1}`, "stroke-dasharray": DASHES[index], d }));
  return svg;
}

// `changed` draws anew; `rebuilt` makes the controls anew, and focuses the element of this id.
export function cards(state, { changed, rebuilt, say }) {
  const made = state.chosen.map((one, index) => card(state, one, index, { changed, rebuilt, say }));
  const add = button(
    "Add a surrogate",
    () => {
      const used = state.chosen.map((c) => c.name);
      const name = Object.keys(SURROGATES).find((n) => !used.includes(n));
      state.chosen.push(fresh(name));
      say(`${name} added`);
      rebuilt(`surrogate-${state.chosen.length}`);
    },
    { id: "add", disabled: state.chosen.length >= MOST },
  );
  return [...made, add];
}

function card(state, one, index, { changed, rebuilt, say }) {
  const { parameters, choices, summary } = SURROGATES[one.name];
  const place = index + 1;
  const id = `surrogate-${place}`;
  const select = make(
    "select",
    {
      id,
      onchange: () => {
        state.chosen[index] = fresh(select.value);
        rebuilt(id);
      },
    },
    ...families(one.name),
  );
  const rows = [
    ...parameters.map((d) => {
      const settings = {
        window: windowOf(d),
        start: d.start,
        counts: d.counts,
        limit: (value) => allowed(d, value),
      };
      return number(`${id}-${d.name}`, d.name, one.name, one.p[d.name], settings, (value) => {
        one.p[d.name] = value;
        changed();
      });
    }),
    ...choices.map((d) =>
      choice(`${id}-${d.name}`, d.name, d.of.map((v) => [v, v]), one.p[d.name], (value) => {
        one.p[d.name] = value;
        changed();
      }),
    ),
  ];
  const remove = () => {
    state.chosen.splice(index, 1);
    say(`${one.name} removed`);
    rebuilt(`surrogate-${Math.min(place, state.chosen.length)}`);
  };
  return make(
    "div",
    { class: "card", role: "group", "aria-labelledby": `${id}-label` },
    make(
      "div",
      { class: "head" },
      sample(index),
      make(
        "label",
        { for: id, id: `${id}-label` },
        make("span", { class: "unseen" }, "Surrogate "),
        String(place),
      ),
      select,
      button("Remove", remove, {
        "aria-label": `Remove ${one.name}, surrogate ${place}`,
        disabled: state.chosen.length === 1,
      }),
    ),
    make("p", { class: "summary" }, summary.replaceAll("`", "")),
    ...rows,
  );
}

function families(selected) {
  const groups = new Map();
  for (const [name, { family }] of Object.entries(SURROGATES)) {
    if (!groups.has(family)) groups.set(family, make("optgroup", { label: family }));
    groups.get(family).append(make("option", { value: name, selected: name === selected }, name));
  }
  return groups.values();
}

export function settings(state, { changed, automaticHalf }) {
  const choose = (key, label, options) =>
    choice(`set-${key}`, label, options, state[key], (value) => {
      state[key] = value;
      changed();
    });
  const finite = (low, high) => (v) => (Number.isFinite(v) ? Math.min(Math.max(v, low), high) : null);
  const box = make("input", {
    id: "set-half",
    type: "number",
    min: 0,
    step: "any",
    value: state.half ?? "",
    placeholder: automaticHalf(),
    oninput: () => {
      const value = Number(box.value);
      state.half = value >= 1e-12 && value <= 1e12 ? value : null;
      changed();
    },
  });
  const potential = (key, label, window, start, limit) =>
    number(`set-${key}`, label, "", state[key], { window, start, limit, counts: false }, (value) => {
      state[key] = value;
      changed();
    });
  return [
    choose("match", "Scale to the first by", [
      ["none", "nothing"],
      ["peak", "height"],
      ["width", "width"],
      ["area", "area"],
      ["gain", "gain"],
    ]),
    choose("x", "Axis of x", [
      ["linear", "linear"],
      ["above", "logarithmic, x > 0"],
      ["below", "logarithmic, x < 0"],
    ]),
    choose("y", "Axis of values", [
      ["linear", "linear"],
      ["log", "logarithmic"],
    ]),
    make("div", { class: "field" }, make("label", { for: "set-half" }, "x up to"), box),
    potential("mean", "mean of the potential", { low: -4, high: 4 }, null, finite(-1e6, 1e6)),
    potential("std", "spread of the potential", { low: 0.01, high: 100 }, 0, finite(1e-6, 1e6)),
  ];
}
