// npm run bench: tintype beside its peers, what it costs as jobs grow, and what of it the targets ask.
// node --expose-gc bench/run.mjs [--full] [the tintype to measure, default ../dist/index.js]
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { contestants } from './contestants.mjs';
import { heapPerJob, heapPerTask } from './heap.mjs';
import { race } from './measure.mjs';
import { cancelMs, perTaskBySize } from './scale.mjs';
import { chain, flat, layered, three } from './shapes.mjs';
import { table } from './table.mjs';

const full = process.argv.includes('--full');
const entry = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? '../dist/index.js';
const tintype = await import(entry);

const CASES = {
  'chain of 5,000': { tasks: chain(5_000) },
  'flat 10,000, 50 at once': { tasks: flat(10_000), cap: 50 },
  'layered 100 × 100': { tasks: layered(100, 100), naive: true },
  'layered, outputs read': { tasks: layered(100, 100), reads: true },
  '5,000 jobs of 3': { tasks: three(), times: 5_000 },
};

const NAIVE = 'XState, spawned naively';
const field = contestants(tintype);

const raceOn = async (kase) => {
  const { tasks, times = 1, naive } = kase;
  const runs = {};
  for (const [name, contestant] of Object.entries(field)) {
    if (name === NAIVE && !naive) continue;
    const once = contestant(kase);
    runs[name] = async () => {
      for (let time = 0; time < times; time++) await once();
    };
  }
  const results = await race(runs);
  return Object.fromEntries(
    Object.entries(results).map(([name, { ms, runs }]) => [name, { us: (ms * 1_000) / (tasks.length * times), runs }]),
  );
};

const us = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const times = (ratio) => `${ratio < 0.01 ? ratio.toFixed(4) : us(ratio)} ×`;

console.log(`node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown processor'}\n`);

const results = {};
for (const [name, kase] of Object.entries(CASES)) {
  results[name] = await raceOn(kase);
  process.stderr.write(`${name} done\n`);
}
const cell = (result) => (result ? `${us(result.us)}${result.runs > 1 ? '' : ' (1 run)'}` : '–');
console.log('µs per task, medians of 5 in alternating order, each after a run that is not counted');
console.log(
  table(
    ['', ...Object.keys(CASES)],
    Object.keys(field).map((name) => [name, ...Object.values(results).map((result) => cell(result[name]))]),
  ),
);

const ratios = (over, under) =>
  Object.values(results).map((result) => (result[under] ? times(result[over].us / result[under].us) : '–'));
console.log('\ntintype against each');
console.log(
  table(
    ['', ...Object.keys(CASES)],
    [
      ['p-graph, both define/build + run', ...ratios('tintype, define + run', 'p-graph, build + run')],
      ['p-graph, both run alone', ...ratios('tintype, run', 'p-graph, run')],
      ['p-graph built anew, tintype sealed once', ...ratios('tintype, run', 'p-graph, build + run')],
      ['async.auto, tintype define + run', ...ratios('tintype, define + run', 'async.auto')],
      ['promises by hand, tintype define + run', ...ratios('tintype, define + run', 'promises by hand')],
      ['naive XState, tintype define + run', ...ratios('tintype, define + run', NAIVE)],
    ],
  ),
);
console.log(`
All task functions are async and do nothing; "outputs read": each task puts out one key and reads that of a dependency.
tintype publishes all its events to one subscriber; the peers have no events.
"define + run" and "build + run" include making the graph from a list of names and dependencies, "run" starts one that was made before.
async.auto, the promises and XState make theirs anew each time. "(1 run)": took over 3 s, so that its one run was not repeated.
`);

const bySize = await perTaskBySize(tintype);
console.log('layered jobs, define + run, as they grow');
console.log(
  table(
    ['tasks', ...[...bySize.keys()].map((size) => size.toLocaleString('en'))],
    [['µs per task', ...[...bySize.values()].map(us)]],
  ),
);

const { alive, left } = await heapPerTask(tintype);
const growth = await heapPerJob(tintype);
const cancel = await cancelMs(tintype);
const sealed = field['tintype, run'];
const reading = await race({
  none: sealed(CASES['layered 100 × 100']),
  reads: sealed(CASES['layered, outputs read']),
});
const readsRatio = reading.reads.ms / reading.none.ms;
console.log(`
heap per settled task while the job lives   ${alive.toFixed(0)} bytes
heap per task once the job is let go        ${left.toFixed(1)} bytes
heap growth per job, 10,000 jobs in a row   ${growth.toFixed(1)} bytes (3 tasks each, no name twice)
cancelling 10,000 running tasks             ${cancel.toFixed(0)} ms
outputs and reads against none              ${times(readsRatio)}
`);

const million = fileURLToPath(new URL('million.mjs', import.meta.url));
if (full) {
  console.log(execFileSync(process.execPath, ['--max-old-space-size=4096', million, entry], { encoding: 'utf8' }));
}

const verdict = (what, target, value, met) => [met ? 'met' : 'NOT MET', what, value, target];
const ofShape = (name) => {
  const peer = results[name]['p-graph, build + run'].us;
  const ratio = results[name]['tintype, define + run'].us / peer;
  const value = `${times(ratio)} (${times(results[name]['tintype, run'].us / peer)} sealed once)`;
  return verdict(`${name}: time against p-graph, built and run`, '≤ 3 ×', value, ratio <= 3);
};
const gain = results['layered 100 × 100'][NAIVE].us / results['layered 100 × 100']['tintype, define + run'].us;
const slope = bySize.get(200_000) / bySize.get(10_000);
console.log('targets');
console.log(
  table(
    ['', '', 'measured', 'target'],
    [
      ...Object.keys(CASES).map(ofShape),
      verdict('faster than naive XState, 10,000 tasks', '≥ 30 ×', times(gain), gain >= 30),
      verdict('µs per task, 200,000 tasks against 10,000', '≤ 1.5 ×', times(slope), slope <= 1.5),
      verdict('outputs and reads against none', '≤ 1.5 ×', times(readsRatio), readsRatio <= 1.5),
      verdict('heap per settled task', '≤ 2,048 bytes', `${alive.toFixed(0)} bytes`, alive <= 2_048),
      verdict('heap per task once the job is let go', 'none', `${left.toFixed(1)} bytes`, left < 4),
      verdict('heap growth per job', 'none', `${growth.toFixed(1)} bytes`, growth < 32),
    ],
    2,
  ),
);
console.log(full ? '' : '\nA job of 1,000,000 tasks: npm run bench:million');
