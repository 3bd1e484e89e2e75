// npm run soak:ui: a page of a job of 10,000 tasks in Chromium for half an hour, at 100 changes a second, then hidden for
// five minutes. Fails if it then holds more than 20 MB more than after the first minute, or takes more than 2 s to catch up.
// node --disable-warning=ExperimentalWarning bench/ui-soak.mjs [minutes, default 30] [minutes hidden, default 5]

import { memoryJournal } from '../dist/index.js';
import { createServer } from '../dist/server.js';
import { launch, newPage } from './browser.mjs';
import { gate, restless } from './gated-job.mjs';

const MINUTES = Number(process.argv[2] ?? 30);
const HIDDEN = Number(process.argv[3] ?? 5);
const MOST_GROWTH = 20_000_000;
const MOST_MS = 2_000;

const minutes = (count) => new Promise((resolve) => setTimeout(resolve, count * 60_000));
const mb = (bytes) => `${(bytes / 1_000_000).toFixed(1)} MB`;

const server = createServer({ journal: memoryJournal(), definitions: [], tokens: false });
const { url } = await server.listen({ port: 0 });
await server.ready;
const { wait, full, goOn } = gate();
const job = server.engine.start(restless(10_000)(wait), {}, { jobId: 'soak', maxConcurrency: 200 });
await full(200);
let changes = 0;
let lastSeq = 0;
job.events$.subscribe(({ type, seq }) => {
  lastSeq = seq;
  if (type === 'task.transition') changes++;
});
// A check makes three changes: not yet, ready again, and running.
goOn(67);
const browser = await launch();
const at = await newPage(browser, url);
await at.page.goto(`${url}/jobs/soak?task=watch_1`);

const isHidden = (hidden) =>
  at.page.evaluate((now) => {
    Object.defineProperty(document, 'hidden', { get: () => now, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

let first;
for (let minute = 1; minute <= MINUTES; minute++) {
  const before = changes;
  await minutes(1);
  const heap = await at.heap();
  first ??= heap;
  console.log(
    `${minute} min: ${mb(heap)}, ${await at.elements()} elements, ${Math.round((changes - before) / 60)} changes/s`,
  );
  if (heap - first > MOST_GROWTH) process.exitCode = 1;
}

await isHidden(true);
await minutes(HIDDEN);
const due = lastSeq;
const began = performance.now();
await isHidden(false);
await at.page.waitForFunction((seq) => Number(document.querySelector('.graph canvas').dataset.painted) >= seq, due);
const ms = performance.now() - began;
console.log(`hidden for ${HIDDEN} min: caught up in ${Math.round(ms)} ms`);
if (ms > MOST_MS) process.exitCode = 1;
await browser.close();
process.exit();
