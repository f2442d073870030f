// Elements of the page, made in one call.

// Attributes that begin with "on" are listeners; null and false leave an attribute out.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export function button(label, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, label);
}

// A labelled choice of [value, text] pairs.
export function choice(id, label, options, value, chosen) {
  const select = make(
    "select",
    { id, onchange: () => chosen(select.value) },
    ...options.map(([key, text]) => make("option", { value: key, selected: key === value }, text)),
  );
  return make("div", { class: "field" }, make("label", { for: id }, label), select);
}

const STEPS = 400;

// A slider and a box for one number: the slider moves in the window {low, high}, and the box takes
// whatever `limit` does not turn into null. `start` is where the slider's logarithms begin.
export function number(id, label, of, value, { window, start, limit, counts }, chosen) {
  const low = Math.min(window.low, value);
  const high = Math.max(window.high, value);
  const zero = start === 0 && value === 0; // 0 is one step to the left of the logarithms
  const first = zero ? window.low : low;
  const log = start !== null && !counts && first > start;
  const toStep = (v) => {
    if (!log) return (v - low) / (high - low);
    if (v <= start) return 0;
    return Math.log((v - start) / (first - start)) / Math.log((high - start) / (first - start));
  };
  const fromStep = (t) => {
    if (counts) return Math.round(low + t * (high - low));
    if (!log) return Number((low + t * (high - low)).toPrecision(4));
    if (t === 0 && limit(start) === start) return start;
    return start + Number(((first - start) * ((high - start) / (first - start)) ** t).toPrecision(4));
  };
  const box = make("input", { id, type: "number", step: counts ? 1 : "any", value, inputmode: "decimal" });
  const slider = make("input", {
    id: `${id}-slider`,
    type: "range",
    min: 0,
    max: 1,
    step: counts ? 1 / (high - low) : 1 / STEPS,
    value: toStep(value),
    "aria-label": of ? `${label} of ${of}` : label,
    "aria-valuetext": String(value),
  });
  const set = (v, source) => {
    const allowed = limit(v);
    if (allowed === null) return;
    if (source !== box) box.value = allowed;
    if (source !== slider) slider.value = toStep(allowed);
    slider.setAttribute("aria-valuetext", String(allowed));
    chosen(allowed);
  };
  slider.addEventListener("input", () => set(fromStep(Number(slider.value)), slider));
  box.addEventListener("input", () => set(box.value === "" ? NaN : Number(box.value), box));
  // what was typed beyond the range becomes what is shown
  box.addEventListener("change", () => {
    const allowed = limit(box.value === "" ? NaN : Number(box.value));
    if (allowed !== null) box.value = allowed;
  });
  return make("div", { class: "number" }, make("label", { for: id }, label), slider, box);
}
