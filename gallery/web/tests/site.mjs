// The built site before a fake API, and a browser on it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { startFake } from "./fake/server.mjs";

export const WEB = new URL("..", import.meta.url).pathname;
const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
export const OWNER = { email: "ada@example.org", password: "correct horse" };
export const WIDTHS = [360, 1400];
/** What the console says of refusals that views provoke. */
export const PROVOKED = [401, 403, 404, 429, 503, "net::ERR_FAILED"];
export const THEMES = ["light", "dark"];

export function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function startSite(api, given) {
  const port = given ?? (await freePort());
  const site = spawn(process.execPath, ["server.mjs", "-p", String(port)], {
    cwd: WEB, env: { ...process.env, GALLERY_API: api, NEXT_TELEMETRY_DISABLED: "1" }, stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((done, fail) => {
    site.stdout.on("data", (text) => String(text).includes("Ready") && done());
    site.on("exit", (code) => fail(new Error(`server.mjs ended with ${code}; run "npm run build" first`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => new Promise((done) => (site.removeAllListeners("exit"), site.on("exit", done), site.kill())) };
}

const startBrowser = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** The same before the real API: {url, browser, owner, allow, stop}; `allow(n)`: the worker may have drawn n pictures in all. */
export async function openRealSite() {
  const folder = await mkdtemp(join(tmpdir(), "gallery-site-"));
  const [api, pages] = [await freePort(), await freePort()];
  const python = process.env.GALLERY_PYTHON ?? `${WEB}../../.venv/bin/python`;
  const program = spawn(python, [`${WEB}../../tests/gallery_site.py`, folder, String(api), String(pages)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((done) => program.on("exit", done));
  const owner = await Promise.race([once(program.stdout, "data").then(([line]) => JSON.parse(line)), ended.then((code) => Promise.reject(new Error(`tests/gallery_site.py ended with ${code}`)))]);
  const [site, browser] = [await startSite(`http://127.0.0.1:${api}`, pages), await startBrowser()];
  const stop = async () => {
    await browser.close();
    await site.stop();
    program.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  // By its name: browsers make no passkeys for an address of numbers.
  return { url: site.url.replace("127.0.0.1", "localhost"), browser, owner, allow: (pictures) => writeFile(join(folder, "allowed"), String(pictures)), stop };
}

/** {fake, url, browser, stop}: all that a test needs. */
export async function openSite() {
  const fake = await startFake();
  const site = await startSite(fake.url);
  const browser = await startBrowser();
  const stop = async () => {
    await browser.close();
    await site.stop();
    await fake.stop();
  };
  return { fake, url: site.url, browser, stop };
}

/** A page of a fresh visitor. `faults` gathers what the console and the page complain of; `statuses` allows refusals that a test provokes, by status or in the console's words. */
export async function visit({ browser, url }, { width = 1400, theme = "light", statuses: expected = [] } = {}) {
  const context = await browser.newContext({
    baseURL: url, viewport: { width, height: width < 600 ? 740 : 900 }, colorScheme: theme, hasTouch: width < 600, reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  const statuses = [...expected];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    const provoked = statuses.some((status) => message.text().includes(typeof status === "number" ? `status of ${status}` : status));
    if (["error", "warning"].includes(message.type()) && !provoked) faults.push(`${message.text()} ${message.location().url}`);
  });
  const pending = new Set(); // but for the stream of events, which stays open
  page.on("request", (request) => request.url().endsWith("/api/events") || pending.add(request));
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => pending.delete(request));
  return Object.assign(page, { faults, pending, allow: (status) => statuses.push(status) });
}

/** Once the page has its answers and shows them: until then buttons are off, and pale. */
async function settled(page) {
  for (let calm = 0; calm < 3; calm = page.pending.size ? 0 : calm + 1) await new Promise((done) => setTimeout(done, 50));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

export async function signIn(page, { email, password } = OWNER) {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("What do you want to see?").waitFor();
}

/** What axe-core finds that is serious; by some of its rules alone, if they are given. */
export async function violations(page, rules) {
  await settled(page);
  // By the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate((runOnly) => globalThis.axe.run(document, { resultTypes: ["violations"], runOnly }), rules);
  return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}
