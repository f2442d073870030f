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
