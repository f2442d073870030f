// Answers what test_in_node.py asks, in the modules of the comparison page. The folder that holds
// them, the question and the answer are the arguments.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , folder, asked, answered] = process.argv;
const load = (name) => import(pathToFileURL(`${folder}/${name}.js`));
const { curve, formOf, UNSCALED, windowOf } = await load("shapes");
const { gain, measure, measured, scaling } = await load("measures");
const { format, parse } = await load("address");
const { inPython } = await load("python");
const { SURROGATES } = await load("surrogates");

// JSON has no NaN and no infinities.
const plain = (v) => (Number.isFinite(v) ? v : String(v));

const answers = {
  values: ({ name, p, x }) => {
    const form = formOf({ name, p });
    return Object.fromEntries(
      ["derivative", "primitive"].map((kind) => [kind, x.map((v) => plain(form[kind](Number(v), p)))]),
    );
  },
  measures: ({ name, p }) => {
    const names = ["peak", "width", "area", "lowest", "highest"];
    return Object.fromEntries(names.map((m) => [m, plain(measure({ name, p }, m))]));
  },
  gain: ({ name, p, mean, std }) => plain(gain({ name, p }, UNSCALED, { mean, std })),
  windows: () =>
    Object.fromEntries(
      Object.entries(SURROGATES).map(([name, { parameters }]) => [
        name,
        Object.fromEntries(parameters.map((d) => [d.name, windowOf(d)])),
      ]),
    ),
  // what the page draws and shows at an address, and the Python code that it gives
  page: ({ hash, x }) => {
    const state = parse(hash);
    const [first] = state.chosen;
    const potential = { mean: state.mean, std: state.std };
    const scales = state.chosen.map((one) => scaling(one, first, state.match, potential));
    return {
      code: inPython(state, scales),
      again: format(parse(format(state))) === format(state) && JSON.stringify(parse(format(state))) === JSON.stringify(state),
      curves: state.chosen.map((one, i) => ({
        possible: scales[i].possible,
        derivative: x.map(curve(one, scales[i], "derivative")).map(plain),
        primitive: x.map(curve(one, scales[i], "primitive")).map(plain),
        measures: Object.fromEntries(
          Object.entries(measured(one, scales[i], potential)).map(([key, v]) => [key, plain(v)]),
        ),
      })),
    };
  },
};

const questions = JSON.parse(readFileSync(asked));
writeFileSync(answered, JSON.stringify(questions.map(({ what, ...rest }) => answers[what](rest))));
