// Measures a scrape of tintype/prometheus after 10,000 jobs of random names, each with a task of a random name:
// npm run bench:scrape [rounds]
import { loadavg } from 'node:os';
import { createEngine } from '../dist/index.js';
import { prometheus } from '../dist/prometheus.js';
import { table } from './table.mjs';

const JOBS = 10_000;
const BUDGET_MS = 50;
const [rounds = 9] = process.argv.slice(2).map(Number);

let state = 1;
const anyName = () => {
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
  return `name ${(state >>> 0).toString(36)}`;
};

/** The events of a job of one task, as an engine publishes them. */
const eventsOf = (jobId, jobName, task, end) => {
  const stamp = { jobId, jobName, at: 1_000 };
  const move = (from, to, more) => ({ type: 'task.transition', ...stamp, task, from, to, attempt: 1, ...more });
  return [
    { type: 'job.transition', ...stamp, from: 'idle', to: 'running' },
    move('unscheduled', 'ready'),
    move('ready', 'running', { readyAt: 1_000 }),
    move('running', end),
    { type: 'job.transition', ...stamp, from: 'running', to: end },
  ];
};

const { next, register } = prometheus(createEngine({ maxConcurrency: 16, pools: { db: 4 } }));
for (let job = 0; job < JOBS; job++)
  for (const event of eventsOf(`job ${job}`, anyName(), anyName(), job % 3 === 0 ? 'failed' : 'completed')) next(event);

const times = [];
let text = '';
for (let round = 0; round < rounds; round++) {
  const began = performance.now();
  text = await register.metrics();
  times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const other = lines.find((line) => line.startsWith('tintype_jobs_started_total{job_name="other"}'));
console.log(
  table(
    ['series', 'KB', 'scrape min (ms)', 'median (ms)', 'budget (ms)', 'jobs in other', 'load'],
    [
      [
        `${lines.length}`,
        `${Math.round(text.length / 1000)}`,
        times[0].toFixed(1),
        times[times.length >> 1].toFixed(1),
        `${BUDGET_MS}`,
        other?.split(' ').at(-1) ?? '0',
        loadavg()[0].toFixed(1),
      ],
    ],
  ),
);
