// Every page of the built site: requests, errors, links, width, accessibility, search.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { addressOf, AXE, DESK, launch, open, pages, PHONE, serve, SITE } from "./browser.mjs";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const STATEFUL = new Set(["compare.html"]); // what follows # in their addresses is no place in them

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

// The pages at the root, and of each folder the first two: an index, and one of its pages.
function kinds() {
  const folders = Map.groupBy(pages(), dirname);
  return [...folders].flatMap(([folder, paths]) => {
    const index = paths.find((path) => path.endsWith("index.html"));
    if (folder === ".") return paths;
    return [index, ...paths.filter((path) => path !== index).slice(0, 1)].filter(Boolean);
  });
}

test("no page asks for what is elsewhere, has a script error, a broken link, or more than 360 pixels", async () => {
  const { page, wrong } = await open(browser);
  await page.setViewport(PHONE);
  const places = new Map(); // of each page: the names that a link may lead to
  const links = [];
  for (const path of pages()) {
    await page.goto(addressOf(path));
    const found = await page.evaluate(() => ({
      ids: [...document.querySelectorAll("[id], a[name]")].map((e) => e.id || e.name),
      links: [...document.querySelectorAll("a[href]")].map((e) => e.href),
      images: [...document.images].filter((e) => !e.naturalWidth && e.loading !== "lazy").map((e) => e.src),
      excess: document.documentElement.scrollWidth - innerWidth,
    }));
    places.set(path, new Set(found.ids));
    links.push(...found.links.map((link) => [path, link]));
    wrong.push(...found.images.map((src) => `${path}: no picture ${src}`));
    if (found.excess > 0) wrong.push(`${path}: ${found.excess} pixels wider than a phone`);
  }
  const root = addressOf("");
  for (const [path, link] of links) {
    if (!link.startsWith(root)) {
      if (link.startsWith("file:")) wrong.push(`${path}: ${link} leads out of the site`);
      continue;
    }
    const [file, name] = link.split("#");
    const target = decodeURIComponent(file.slice(root.length).split("?")[0]) || "index.html";
    if (!existsSync(join(SITE, target))) wrong.push(`${path}: no file ${target}`);
    else if (name && places.has(target) && !STATEFUL.has(target)) {
      if (!places.get(target).has(decodeURIComponent(name))) wrong.push(`${path}: no ${link}`);
    }
  }
  assert.ok(places.size > 5, fileURLToPath(root));
  assert.deepEqual([...new Set(wrong)], []);
  await page.close();
});

test("the column of text fits windows where the theme changes its menus", async () => {
  const { page } = await open(browser);
  for (const path of ["index.html", "gallery/Arctan.html"]) {
    for (const width of [768, 1008, 1072, 1200, 1311, 1313, 1440, 1551, 1553]) {
      await page.setViewport({ ...DESK, width });
      await page.goto(addressOf(path));
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(excess <= 0, `${path}: ${excess} pixels wider than a window of ${width}`);
    }
  }
  await page.close();
});

for (const scheme of ["light", "dark"]) {
  test(`every kind of page meets WCAG 2.1 AA in ${scheme}`, async () => {
    const { page } = await open(browser);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const violations = [];
    for (const path of kinds()) {
      await page.setViewport(DESK);
      await page.goto(addressOf(path));
      await page.evaluate(AXE);
      const found = await page.evaluate(
        (tags) => axe.run({ preload: false, runOnly: tags }),
        WCAG,
      );
      for (const { id, nodes } of found.violations) {
        violations.push(`${path}: ${id} x${nodes.length}: ${nodes[0].html.slice(0, 120)}`);
      }
    }
    assert.deepEqual(violations, []);
    await page.close();
  });
}

const RESULT = "#search-results ul a";
const tab = async (page, selector) => {
  for (let i = 0; i < 400; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
  }
  assert.fail(`400 times Tab on ${page.url()} do not reach ${selector}`);
};
const enter = (page) => Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);

for (const path of ["gallery/index.html", "gallery/Sigmoid.html", "search.html?q=Gaussian"]) {
  test(`the keyboard reaches everything on ${path}`, async () => {
    const { page } = await open(browser);
    await page.goto(addressOf(path));
    if (path.startsWith("search")) await page.waitForSelector(RESULT);
    // What can be pressed, and the labels of the content, whose controls may be out of sight.
    const all = await page.evaluate(() => {
      const controls = "a[href], button, input, select, summary, [tabindex='0']";
      const labels = [...document.querySelectorAll("article label")].map((e) => e.control);
      const seen = [...document.querySelectorAll(controls)].filter(
        (e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled,
      );
      // Of radio buttons Tab reaches the chosen one, and arrows the others.
      const found = [...new Set([...labels, ...seen])].filter((e) => e.type !== "radio" || e.checked);
      return found.map((e, place) => {
        e.dataset.place = place;
        return e.outerHTML.slice(0, 120);
      });
    });
    assert.ok(all.length > 20);
    const reached = new Set();
    for (let i = 0; i < 2 * all.length && reached.size < all.length; i++) {
      await page.keyboard.press("Tab");
      const place = await page.evaluate(() => document.activeElement.dataset.place);
      if (place !== undefined) reached.add(Number(place));
    }
    assert.deepEqual(all.filter((_, place) => !reached.has(place)), []);
    await page.close();
  });
}

test("the keyboard opens a card of the gallery, and another tab of code", async () => {
  const { page, wrong } = await open(browser);
  await page.goto(addressOf("gallery/index.html"));
  await tab(page, 'article a[href="Sigmoid.html"], article a[href^="Sigmoid.html#"]');
  await enter(page);
  assert.match(page.url(), /gallery\/Sigmoid\.html/);
  await tab(page, "article .sd-tab-set > input");
  const shown = () => page.$$eval(".sd-tab-content", (all) => all.findIndex((e) => e.checkVisibility()));
  const before = await shown();
  await page.keyboard.press("ArrowRight");
  assert.equal(await shown(), before + 1);
  assert.deepEqual(wrong, []);
  await page.close();
});

test("the keyboard searches, and opens what it finds", async () => {
  const { page, wrong } = await open(browser);
  await page.goto(addressOf("gallery/index.html"));
  await tab(page, "input[name=q]");
  await page.keyboard.type("Gaussian");
  await enter(page);
  await page.waitForSelector(RESULT);
  await tab(page, RESULT);
  await enter(page);
  assert.doesNotMatch(page.url(), /search\.html/);
  assert.deepEqual(wrong, []);
  await page.close();
});

test("the words of a search are marked, also where a picture's title has them", async () => {
  const { page, wrong } = await open(browser);
  await page.goto(addressOf("gallery/Sigmoid.html?highlight=sigmoid"));
  await page.waitForSelector("span.highlighted");
  await new Promise((done) => setTimeout(done, 200)); // until all are marked
  assert.match(await page.$eval("article svg title", (e) => e.innerHTML), /^derivative of Sigmoid/);
  assert.ok((await page.$$("#api span.highlighted")).length > 0);
  assert.deepEqual(wrong, []);
  await page.close();
});

for (const from of ["disk", "a server"]) {
  test(`the search finds Gaussian, from ${from}`, async () => {
    const server = from === "disk" ? null : await serve();
    try {
      const { page, wrong } = await open(browser);
      await page.goto(`${server?.root ?? addressOf("")}search.html?q=Gaussian`);
      await page.waitForFunction(
        () => /GaussianGrad/.test(document.querySelector("#search-results ul")?.textContent ?? ""),
        { timeout: 10000 },
      );
      assert.deepEqual(wrong, []);
      await page.close();
    } finally {
      server?.close();
    }
  });
}
