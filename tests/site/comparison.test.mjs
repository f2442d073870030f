// The comparison page in a browser: every surrogate, the keyboard alone, addresses, the saved file.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { addressOf, launch, open, serve } from "./browser.mjs";

const CONTROLS = "#compare :is(select, input, button:not(:disabled), [tabindex])";
let browser, page, wrong;
before(async () => (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  await page?.close();
  ({ page, wrong } = await open(browser));
});

const show = async (hash = "", root = addressOf("")) => {
  await page.goto("about:blank");
  await page.goto(`${root}compare.html${hash}`);
};
const value = (selector, of) => page.$eval(selector, (e, key) => e[key], of);
const curves = () => page.$$eval("#compare .picture .curve", (all) => all.map((e) => e.getAttribute("d")));
const cards = () => page.$$eval("#compare .card", (all) => all.length);
const settled = () => new Promise((done) => setTimeout(done, 200)); // until the address is written
const address = async () => {
  await settled();
  return page.evaluate(() => location.hash);
};

test("every surrogate is drawn, on all axes and at all scales", async () => {
  await show();
  const names = await page.$$eval("#surrogate-1 option", (all) => all.map((e) => e.value));
  assert.ok(names.length > 30);
  for (const name of names) {
    for (const rest of ["", "&y=log", "&x=above&y=log", "&x=below", "&match=peak", "&match=width", "&match=area", "&match=gain"]) {
      await page.evaluate((hash) => (location.hash = hash), `s=Sigmoid&s=${name}${rest}`);
      await page.waitForFunction((n) => document.querySelector("#surrogate-2")?.value === n, {}, name);
      const found = await curves();
      assert.equal(found.length, 4);
      for (const d of found) assert.doesNotMatch(d, /NaN|Infinity/, name + rest);
      assert.ok(found[0].length > 1000 && (found[1].length > 5 || rest.includes("log")), name + rest);
    }
  }
  assert.deepEqual(wrong, []);
});

test("it works from a server, too", async () => {
  const { root, close } = await serve();
  try {
    await show("", root);
    assert.equal((await curves()).length, 6);
    assert.deepEqual(wrong, []);
  } finally {
    close();
  }
});

test("the keyboard reaches every control, and moves it", async () => {
  await show("#s=Boxcar&s=SquarewaveFourierSeries&s=HeavisideGrad");
  const all = await page.$$eval(CONTROLS, (found) =>
    found.map((e, i) => {
      e.dataset.place = i;
      return i;
    }),
  );
  const reached = new Set();
  for (let i = 0; i < 400 && reached.size < all.length; i++) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => document.activeElement.dataset.place);
    if (place !== undefined) reached.add(Number(place));
  }
  assert.deepEqual([...reached].sort((a, b) => a - b), all);
  const moving = await page.$$eval("#compare :is(select, input)", (found) => found.map((e) => e.id));
  for (const id of moving) {
    await show("#s=Boxcar&s=SquarewaveFourierSeries&s=HeavisideGrad");
    await page.focus(`#${id}`);
    const before = await value(`#${id}`, "value");
    for (const key of ["ArrowUp", "ArrowDown", "ArrowDown", "ArrowUp"]) {
      await page.keyboard.press(key);
      if ((await value(`#${id}`, "value")) !== before) break;
    }
    assert.notEqual(await value(`#${id}`, "value"), before, id);
  }
});

test("a slider moves the curve, its box, the table, the code and the address", async () => {
  await show("#s=Sigmoid");
  const before = await curves();
  await page.focus("#surrogate-1-alpha-slider");
  await page.keyboard.press("ArrowRight");
  assert.notDeepEqual(await curves(), before);
  const alpha = await value("#surrogate-1-alpha", "value");
  assert.ok(alpha > 4);
  assert.match(await value("#compare table", "textContent"), new RegExp(`Sigmoid${String(alpha / 4).slice(0, 4)}`));
  assert.match(await value("#compare pre", "textContent"), new RegExp(`Sigmoid\\(alpha=${alpha}\\)`));
  assert.equal(await address(), `#s=Sigmoid,alpha=${alpha}`);
  assert.equal(await value("#surrogate-1-alpha-slider", "ariaValueText"), alpha);
});

test("surrogates are added and removed by the keyboard, and the focus stays near", async () => {
  await show("#s=Sigmoid");
  await page.focus("#add");
  for (let i = 2; i <= 6; i++) {
    await page.keyboard.press("Enter");
    assert.equal(await cards(), i);
    assert.equal(await page.evaluate(() => document.activeElement.id), `surrogate-${i}`);
    if (i < 6) await page.focus("#add");
  }
  assert.equal(await value("#add", "disabled"), true);
  assert.match(await value("#compare [role=status]", "textContent"), /added/);
  while ((await cards()) > 1) {
    await page.focus("#compare .card:last-of-type .head button");
    await page.keyboard.press("Enter");
    assert.match(await page.evaluate(() => document.activeElement.id), /^surrogate-\d$/);
  }
  assert.match(await address(), /^#s=Sigmoid$/);
});

test("an address shows again what it showed", async () => {
  for (const hash of [
    "#s=Sigmoid,alpha=8&s=ERF&match=width&y=log&half=3",
    "#s=Boxcar,width=0.5,closed=left&s=SquarewaveFourierSeries,n=5",
    "#s=GaussianGrad,alpha=-2&s=SpikeRateEscape,shift=1e-7&match=gain&mean=0.5&std=2&x=below",
    "#s=ReluGrad,alpha=1000000000000000,width=1e-15",
  ]) {
    await show(hash);
    const first = [await curves(), await value("#compare pre", "textContent")];
    await page.select("#set-y", await value("#set-y", "value"));
    assert.equal(decodeURIComponent(await address()), decodeURIComponent(hash));
    await show(await address());
    assert.deepEqual([await curves(), await value("#compare pre", "textContent")], first);
  }
  await show("#s=Nope,alpha=x&s=Sigmoid,alpha=NaN&y=zzz&half=-1");
  assert.equal((await curves()).length, 2);
  assert.deepEqual(wrong, []);
});

test("what cannot be scaled says so", async () => {
  await show("#s=Sigmoid&s=StraightThrough&match=width");
  assert.match(await value("#compare .legend", "textContent"), /StraightThrough \(not scaled: no finite, positive width\)/);
});

test("values are read off by the keyboard", async () => {
  await show("#s=Sigmoid&half=2");
  await page.focus("#reader");
  await page.keyboard.press("Home");
  assert.match(await value("#compare .reading", "textContent"), /^x = −2Sigmoid g′ 0.001341, g 3.354e−4$/);
});

test("the saved file is one picture that stands alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "saved-"));
  const client = await browser.target().createCDPSession();
  await client.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  await show("#s=Sigmoid&s=ERF");
  await page.evaluate(() => [...document.querySelectorAll("#compare .actions button")][0].focus());
  await page.keyboard.press("Enter");
  const file = join(folder, "surrogates.svg");
  for (let i = 0; i < 50 && !existsSync(file); i++) await settled();
  const text = readFileSync(file, "utf8");
  assert.doesNotMatch(text, /var\(|NaN|href/);
  const counted = await page.evaluate((svg) => {
    const found = new DOMParser().parseFromString(svg, "image/svg+xml");
    const lines = [...found.querySelectorAll("path.curve")];
    return [found.querySelectorAll("parsererror").length, lines.length, lines.every((e) => e.style.stroke)];
  }, text);
  assert.deepEqual(counted, [0, 4, true]);
});
