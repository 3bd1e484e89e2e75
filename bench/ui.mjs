// npm run bench:ui: the budgets of the web UI in Chromium, without a GPU, against a real server in this process, with a
// journal that has 100,000 jobs. Changes are those of jobs of 10,000 tasks, whose ends the bench spaces out. Beside the
// times of frames stand those of an empty loop just before; what misses its bar is measured once more. Fails if it misses
// again. CHROMIUM: path of the browser.
// node --disable-warning=ExperimentalWarning bench/ui.mjs [jobs, default 100000]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createServer } from '../dist/server.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { emptyFrames, frames, launch, newPage } from './browser.mjs';
import { gate, layers, maps, nested, small } from './gated-job.mjs';
import { storeManyJobs } from './many-jobs.mjs';
import { median } from './measure.mjs';
import { table } from './table.mjs';

const JOBS = Number(process.argv[2] ?? 100_000);
const TASKS = 10_000;
const RUNNING = 200;
const MOVE_MS = 4_000;

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const journal = sqliteJournal(join(folder, 'jobs.db'), { synchronous: 'normal' });
await storeManyJobs(journal, JOBS, Date.now() - 60_000);
const server = createServer({ journal, definitions: [], tokens: false });
const { url } = await server.listen({ port: 0 });
await server.ready;
const browser = await launch();

/** A job of which some tasks run, and wait to be let go. */
const begun = async (jobId, make, running) => {
  const its = gate();
  const job = server.engine.start(make(its.wait), {}, { jobId, maxConcurrency: Math.max(RUNNING, running) });
  let changes = 0;
  job.events$.subscribe(({ type }) => {
    if (type === 'task.transition') changes++;
  });
  await its.full(running);
  await job.saved();
  return { ...its, job, changes: () => changes };
};

const few = await begun('few', small, 4);
const inMaps = await begun('maps', maps(TASKS), RUNNING);
// Items are there once they have begun.
for (let left = TASKS * 0.9; left > 0; left -= 17) {
  inMaps.open(17);
  await inMaps.full(RUNNING);
}
await inMaps.job.saved();
const inNested = await begun('nested', nested(TASKS), 1_000);
const inLayers = await begun('layers', layers(TASKS), TASKS / 100);

const none = Number.POSITIVE_INFINITY;
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
const mb = (bytes) => `${(bytes / 1_000_000).toFixed(1)} MB`;
const ms = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const rows = [];
let foreign = 0;

/** Measures, and once more if something is above its bar. A measurement gives rows: what, figure, bar, how it is written. */
const budget = async (measure) => {
  const isMissed = ([, figure, bar]) => figure > bar;
  let found = await measure();
  if (found.some(isMissed)) {
    const again = await measure();
    found = again.map((row, at) => (row[1] <= found[at][1] ? row : found[at]));
  }
  for (const [what, figure, bar, write, beside = ''] of found)
    rows.push([what, write(figure), bar === none ? '' : write(bar), beside, figure > bar ? 'missed' : '']);
  if (found.some(isMissed)) process.exitCode = 1;
};

const shipped = () => {
  const ui = fileURLToPath(new URL('../dist/ui', import.meta.url));
  const files = readdirSync(ui, { recursive: true }).filter((file) => /\.(?:html|js|css|svg)$/.test(file));
  return files.reduce((sum, file) => sum + gzipSync(readFileSync(join(ui, file)), { level: 9 }).length, 0);
};

const viewBytes = async () => {
  const headers = { 'accept-encoding': 'gzip' };
  const answer = await server.fetch(new Request(`http://localhost/api/v1/jobs/maps/view`, { headers }), {
    incoming: { socket: { remoteAddress: '127.0.0.1' } },
  });
  return (await answer.arrayBuffer()).byteLength;
};

const opened = async (path) => {
  const at = await newPage(browser, url);
  await at.page.goto(`${url}${path}`);
  return at;
};

const closed = async (at) => {
  foreign += at.foreign.length;
  for (const complaint of at.complaints) console.log(`The page complained: ${complaint}`);
  await at.close();
};

const painted = async (job) => {
  const at = await opened(`/jobs/${job}`);
  await at.page.waitForFunction(() => performance.getEntriesByName('painted').length > 0);
  return at;
};

/** Times of three visits, in ms since the navigation began. */
const visits = async (job) => {
  const found = { painted: [], model: [], layout: [] };
  for (let visit = 0; visit < 3; visit++) {
    const at = await painted(job);
    const entries = await at.page.evaluate((names) => {
      const first = (name) => performance.getEntriesByName(name)[0];
      return names.map((name) => (name === 'painted' ? first(name).startTime : first(name).duration));
    }, Object.keys(found));
    for (const [place, times] of Object.values(found).entries()) times.push(entries[place]);
    await closed(at);
  }
  return found;
};

/** Drags for half of the time, then also turns the wheel, as a person would who looks round. */
const lookRound = (t) => {
  const canvas = document.querySelector('.graph canvas');
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const x = left + width / 2 + Math.sin(t / 300) * 200;
  const y = top + height / 2 + Math.cos(t / 400) * 60;
  const common = { bubbles: true, cancelable: true, clientX: x, clientY: y, view: window };
  if (t === 0) {
    canvas.dispatchEvent(new PointerEvent('pointerdown', { ...common, buttons: 1 }));
    canvas.dispatchEvent(new MouseEvent('mousedown', { ...common, buttons: 1 }));
  }
  canvas.dispatchEvent(new PointerEvent('pointermove', { ...common, buttons: 1 }));
  window.dispatchEvent(new MouseEvent('mousemove', { ...common, buttons: 1 }));
  if (t > 2_000)
    canvas.dispatchEvent(new WheelEvent('wheel', { ...common, deltaY: -90 * Math.cos((t - 2_000) / 320) }));
};

const moving = async (name, job, perSecond, bars) => {
  const empty = await emptyFrames(browser);
  const at = await painted(job.job.id);
  const stop = job.goOn(perSecond);
  await at.page.waitForTimeout(700);
  const before = job.changes();
  const begin = performance.now();
  const { p50, p95, mainMs } = await frames(at, MOVE_MS, lookRound);
  const rate = Math.round(((job.changes() - before) / (performance.now() - begin)) * 1000);
  stop();
  const heap = await at.heap();
  const elements = await at.elements();
  await closed(at);
  const beside = `empty ${ms(empty.p50)}, ${ms(empty.p95)}`;
  return [
    [`${name}: frame p50`, p50, bars.p50, ms, `${beside}, ${rate} changes/s`],
    [`${name}: frame p95`, p95, bars.p95, ms],
    [`${name}: main thread a frame`, mainMs, bars.mainMs, ms],
    [`${name}: heap`, heap, 60_000_000, mb],
    [`${name}: elements`, elements, 800, String],
  ];
};

const hasRows = () => document.querySelectorAll('.job-row a').length > 10;

const scrolling = async () => {
  const empty = await emptyFrames(browser);
  const at = await opened('/');
  await at.page.waitForFunction(hasRows);
  const { p95 } = await frames(at, MOVE_MS, (t) => {
    const list = document.querySelector('.job-list .scroll');
    list.scrollTop = t === 0 ? 0 : list.scrollTop + 700;
  });
  const elements = await at.elements();
  await at.page.evaluate(() => {
    const list = document.querySelector('.job-list .scroll');
    list.scrollTop = list.scrollHeight;
  });
  const began = performance.now();
  const last = `.job-row[aria-rowindex="${JOBS + 4 + rushes}"] a`;
  await at.page.waitForSelector(last);
  const reached = performance.now() - began;
  await closed(at);
  return [
    [`list of ${JOBS} jobs, 700 px a frame: p95`, p95, 120, ms, `empty ${ms(empty.p50)}, ${ms(empty.p95)}`],
    ['list: elements', elements, 800, String],
    ['list: its last row, from the first', reached, 1_000, ms],
  ];
};

/** From a click or a key to the rows that fit, as the page sees it. */
const asking = async () => {
  const at = await opened('/');
  await at.page.waitForFunction(hasRows);
  const answered = (act) =>
    at.page.evaluate(`(async () => {
      const total = () => document.querySelector('[role=grid]').getAttribute('aria-rowcount');
      const before = total();
      const began = performance.now();
      (${act})();
      while (total() === before || total() === '0' || document.querySelector('.job-row a') === null)
        await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - began;
    })()`);
  const filter = await answered(() => {
    [...document.querySelectorAll('.state-switch')].find(({ textContent }) => textContent.startsWith('failed')).click();
  });
  const search = await answered(() => {
    const box = document.querySelector('.find input');
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, 'job-1');
    box.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await closed(at);
  return [
    ['list: filter by state, answered', filter, 300, ms],
    ['list: then a search, answered', search, 300, ms],
  ];
};

await budget(async () => [
  ['all that ships, zipped', shipped(), 160_000, kb],
  [`view of ${TASKS} tasks, zipped`, await viewBytes(), 120_000, kb],
]);
await budget(async () => [['14 tasks: painted, median of 3', median((await visits('few')).painted), 800, ms]]);
for (const shape of ['maps', 'nested', 'layers'])
  await budget(async () => {
    const found = await visits(shape);
    return [
      [`${TASKS} tasks, ${shape}: painted, median of 3`, median(found.painted), 1_500, ms],
      [`${TASKS} tasks, ${shape}: model of the columns`, median(found.model), 60, ms],
      [`${TASKS} tasks, ${shape}: fold and layout`, median(found.layout), 250, ms],
    ];
  });
await budget(() => moving('100 changes/s', inMaps, 100, { p50: 20, p95: 60, mainMs: 20 }));
await budget(() => moving('100 changes/s, layers', inLayers, 100, { p50: 20, p95: 60, mainMs: 20 }));
// Each time a job of its own, with as many tasks as end meanwhile.
let rushes = 0;
await budget(async () => {
  const rushing = await begun(`rush-${rushes++}`, nested(TASKS * 1.4), 1_000);
  const found = await moving('5,000 changes/s', rushing, 5_000, { p50: none, p95: 60, mainMs: none });
  await rushing.job.cancel();
  return found;
});
await budget(scrolling);
await budget(asking);
await budget(async () => [['requests to other hosts', foreign, 0, String]]);

console.log(`${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}, Chromium ${browser.version()}\n`);
console.log(table(['what', 'measured', 'bar', 'beside', ''], rows));
await browser.close();
for (const { job } of [few, inMaps, inNested, inLayers]) void job.cancel();
await server.close({ graceMs: 0 });
await journal.close();
process.exit();
