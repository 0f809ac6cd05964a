// What README.md's figures are: the first view of the gallery and its frames while it scrolls, with 10,000 pictures.
import { cpus, loadavg } from "node:os";
import { fill } from "./fake/state.mjs";
import { openSite, signIn, visit } from "./site.mjs";

const PICTURES = 10_000;
const TRIES = 5;
/** Milliseconds that no frame may last. */
const FRAME = 50;
/** Pixels a frame, and for how long: through all of them, faster than anybody reads; and as one looks for a picture. */
const SCROLLS = [{ step: 100, seconds: 120 }, { step: 30, seconds: 40 }];

/** Milliseconds from the navigation's begin until every thumbnail in sight is there. */
const thumbnailsInSight = () =>
  new Promise((done) => {
    const look = () => {
      const images = [...document.querySelectorAll('button[aria-label^="Open: "] img')].filter((one) => one.getBoundingClientRect().top < innerHeight);
      if (images.length && images.every((one) => one.complete && one.naturalWidth)) done(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  });

/** Scrolls in every frame until the last picture, or for so long; gives how long each frame took by the clock. */
const scrollDown = ({ step, seconds }) =>
  new Promise((done) => {
    const frames = [];
    let last = performance.now();
    const until = last + seconds * 1000;
    const frame = (now) => {
      frames.push(now - last);
      last = now;
      scrollBy(0, step);
      const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 4;
      // innerText of the whole page would take longer than the page's own work, in each frame that waits for more pictures.
      if (now > until || atEnd && [...document.querySelectorAll("main p")].some((one) => one.textContent === "That is all")) done({ frames, height: scrollY });
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

async function firstView(site, cookies) {
  const page = await visit(site);
  await page.context().addCookies(cookies);
  await page.goto("/gallery", { waitUntil: "commit" });
  const milliseconds = await page.evaluate(thumbnailsInSight);
  await page.context().close();
  return milliseconds;
}

/** Milliseconds of processor time of each task of the page's main thread: what it takes however busy the machine is. */
function mainThreadTasks(events) {
  const threads = new Set(events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  return events.filter(({ ph, name, pid, tid }) => ph === "X" && name.endsWith("RunTask") && threads.has(`${pid} ${tid}`)).map(({ tdur = 0 }) => tdur / 1000);
}

async function scroll(site, cookies, how) {
  const page = await visit(site);
  await page.context().addCookies(cookies);
  await page.goto("/gallery");
  await page.evaluate(thumbnailsInSight);
  await page.waitForTimeout(1000);
  const began = Date.now();
  await site.browser.startTracing(page, { categories: ["toplevel"] });
  const thumbnails = new Set();
  page.on("request", (request) => request.url().includes("size=thumb") && thumbnails.add(request.url()));
  const { frames, height } = await page.evaluate(scrollDown, how);
  const seconds = (Date.now() - began) / 1000;
  const tasks = mainThreadTasks(JSON.parse(String(await site.browser.stopTracing())).traceEvents);
  await page.context().close();
  return { frames: frames.slice(1).sort((a, b) => a - b), height, seconds, tasks, fetched: thumbnails.size };
}

const site = await openSite();
try {
  fill(site.fake.state, PICTURES);
  const page = await visit(site);
  await signIn(page);
  const cookies = await page.context().cookies();
  await page.context().close();
  console.log(`${cpus()[0].model}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, Chromium ${site.browser.version()}, ${PICTURES} pictures`);
  const views = [];
  for (let index = 0; index < TRIES; index++) views.push(Math.round(await firstView(site, cookies)));
  console.log(`first view, all thumbnails in sight: ${views.join(", ")} ms`);
  for (const how of SCROLLS) {
    const { frames, tasks, height, seconds, fetched } = await scroll(site, cookies, how);
    const at = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(1);
    console.log(`${how.step} px a frame, ${height} px in ${seconds.toFixed(0)} s: ${frames.length} frames, median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms; ${fetched} thumbnails fetched`);
    const busy = tasks.reduce((sum, one) => sum + one, 0);
    console.log(`  frames over ${FRAME} ms by the clock: ${frames.filter((one) => one > FRAME).length}, load ${loadavg()[0].toFixed(1)}; main thread: ${(busy / frames.length).toFixed(1)} ms of processor a frame, longest task ${tasks.reduce((most, one) => Math.max(most, one), 0).toFixed(1)} ms`);
  }
} finally {
  await site.stop();
}
