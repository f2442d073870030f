// The built site in headless Chromium: what all of its tests need. nox -s docs-page sets SITE, the
// folder of the site, and CHROMIUM, the program.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);
export const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const SITE = process.env.SITE;
export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1280, height: 900 };

// Every page, by its path from the root of the site.
export function pages() {
  const found = [];
  const walk = (folder) => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        if (!name.startsWith("_")) walk(path);
      } else if (name.endsWith(".html")) found.push(relative(SITE, path));
    }
  };
  walk(SITE);
  return found;
}

export const addressOf = (path) => pathToFileURL(SITE).href + "/" + path;

export function launch() {
  // as root there is no sandbox to be had; the pages are our own
  const args = ["--no-sandbox", "--disable-gpu"];
  return puppeteer.launch({ executablePath: process.env.CHROMIUM, args });
}

// A tab, and what went wrong in it.
export async function open(browser) {
  const page = await browser.newPage();
  const wrong = [];
  const said = (text) => wrong.push(`${page.url()}: ${text}`);
  page.on("pageerror", (error) => said(`script error ${error.message ?? error}`));
  page.on("console", (message) => message.type() === "error" && said(`console ${message.text()}`));
  page.on("response", (answer) => answer.status() >= 400 && said(`no ${answer.url()}`));
  page.on("requestfailed", (request) => said(`failed request ${request.url()}`));
  page.on("request", (request) => {
    const url = request.url();
    const own = /^(file|data|blob|about):/.test(url) || url.startsWith("http://127.0.0.1:");
    if (!own) said(`foreign request ${url}`);
  });
  await page.setViewport(DESK);
  return { page, wrong };
}

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

// The site as a server sends it, in the way of python -m http.server.
export async function serve() {
  const server = createServer((request, response) => {
    const path = join(SITE, decodeURIComponent(new URL(request.url, "http://x").pathname));
    if (request.url === "/favicon.ico") {
      response.writeHead(204).end(); // browsers ask for it unasked
      return;
    }
    if (!existsSync(path) || statSync(path).isDirectory()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
    response.end(readFileSync(path));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { root: `http://127.0.0.1:${server.address().port}/`, close: () => {
    server.closeAllConnections();
    server.close();
  } };
}
