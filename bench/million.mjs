// One job of 1,000,000 tasks: node --max-old-space-size=4096 bench/million.mjs [the tintype to measure]
import { layered } from './shapes.mjs';

const { jobFrom } = await import(process.argv[2] ?? '../dist/index.js');
const run = async () => {};
const tasks = layered(10_000, 100).map((task) => ({ ...task, run }));

const start = performance.now();
const definition = jobFrom('million', tasks);
const sealed = performance.now();
const job = definition.start({});
let events = 0;
job.events$.subscribe(() => {
  events++;
});
const { state } = await job;
const end = performance.now();

const peakMb = process.resourceUsage().maxRSS / 1024;
console.log(
  `1,000,000 tasks ${state} with ${events.toLocaleString('en')} events: ${((sealed - start) / 1_000).toFixed(1)} s to define, ${((end - sealed) / 1_000).toFixed(1)} s to run, peak RSS ${peakMb.toFixed(0)} MB`,
);
