// npm run bench:cli: how fast the command starts, and what a process costs it, beside make and ninja.
// node bench/cli.mjs [runs, default 5]     needs GNU make, ninja and Linux, whose /proc tells the memory
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './measure.mjs';
import { table } from './table.mjs';

const RUNS = Number(process.argv[2] ?? 5);
const WORKERS = 4;
const BASH = 'bash --noprofile --norc -eo pipefail -c';
const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

for (const program of ['make', 'ninja', 'bash']) {
  if (spawnSync(program, ['--version']).status !== 0) throw new Error(`${program} is not installed.`);
}

const write = (name, lines) => {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
};

/** A list of tasks as `[name, what it waits for]`, none or one. */
const flat = (count) => Array.from({ length: count }, (_, i) => [`t${i}`]);
const chain = (count) => Array.from({ length: count }, (_, i) => (i === 0 ? ['t0'] : [`t${i}`, `t${i - 1}`]));

const yaml = (name, tasks) =>
  write(`${name}.yaml`, [
    `name: ${name}`,
    'tasks:',
    ...tasks.map(
      ([task, need]) => `  - { name: ${task}, type: bash, command: "true"${need ? `, dependencies: [${need}]` : ''} }`,
    ),
  ]);

/** With a shell of its own choice make starts it for every command; else it runs plain ones without any. */
const makefile = (name, tasks, shell) => {
  const names = tasks.map(([task]) => task).join(' ');
  const [program, ...flags] = BASH.split(' ');
  return write(`${name}.mk`, [
    ...(shell ? [`SHELL := ${program}`, `.SHELLFLAGS := ${flags.join(' ')}`] : []),
    `.PHONY: all ${names}`,
    `all: ${names}`,
    ...tasks.map(([task, need = '']) => `${task}: ${need}\n\t@true`),
  ]);
};

/** Ninja starts every command by /bin/sh. Nothing makes the outputs, so all are always to be made. */
const ninjaFile = (name, tasks) =>
  write(`${name}.ninja`, [
    'rule bash',
    `  command = ${BASH} true`,
    ...tasks.map(([task, need = '']) => `build ${task}: bash ${need}`),
  ]);

const tintype = (file, ...more) => [process.execPath, cli, 'run', file, '--workers', String(WORKERS), ...more];
const make = (file) => ['make', '--silent', `-j${WORKERS}`, '-f', file];
const ninja = (file) => ['ninja', '--quiet', `-j${WORKERS}`, '-C', folder, '-f', file];

/** Runs a command; wall time in ms, and the most memory that it held itself, without what it started, in MB. */
const measure = ([program, ...args]) =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: folder });
    let megabytes = 0;
    const look = () => {
      try {
        const high = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        megabytes = Math.max(megabytes, Number(high?.[1] ?? 0) / 1024);
      } catch {
        // It has ended.
      }
    };
    const timer = setInterval(look, 25);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearInterval(timer);
      const ms = performance.now() - start;
      if (code === 0) resolve({ ms, megabytes });
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`));
    });
  });

/** Medians of each command, all run in turn, after a round that is not counted. */
const race = async (commands, runs) => {
  const results = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= runs; round++) {
    for (const [name, command] of Object.entries(commands)) {
      const result = await measure(command);
      if (round > 0) results[name].push(result);
    }
  }
  return Object.fromEntries(
    Object.entries(results).map(([name, list]) => [
      name,
      { ms: median(list.map(({ ms }) => ms)), megabytes: Math.max(...list.map(({ megabytes }) => megabytes)) },
    ]),
  );
};

const number = (value) => value.toFixed(value < 10 ? 1 : 0);
const times = (ratio) => `${ratio.toFixed(2)} ×`;

console.log(`node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown processor'}`);
console.log(`medians of ${RUNS} in alternating order, after a round that is not counted; ${WORKERS} at once\n`);

const one = yaml('one', flat(1));
const cold = await race(
  {
    'node -e 0': [process.execPath, '-e', '0'],
    'tintype --version': [process.execPath, cli, '--version'],
    'tintype validate, one task': [process.execPath, cli, 'validate', one],
    'tintype run, one task': tintype(one),
    'tintype run --no-db, one task': tintype(one, '--no-db'),
  },
  3 * RUNS,
);
const bare = cold['node -e 0'].ms;
console.log(
  table(
    ['cold start', 'ms', 'against node'],
    Object.entries(cold).map(([name, { ms }]) => [name, number(ms), times(ms / bare)]),
  ),
);

const contest = async (name, tasks, runs) => {
  const results = await race(
    {
      'tintype run': tintype(yaml(name, tasks)),
      'tintype run --quiet': tintype(yaml(name, tasks), '--quiet'),
      'tintype run --no-db': tintype(yaml(name, tasks), '--no-db'),
      'make, by the same shell': make(makefile(name, tasks, true)),
      'make, without a shell': make(makefile(`${name}-plain`, tasks, false)),
      'ninja, the same shell from sh': ninja(ninjaFile(name, tasks)),
    },
    runs,
  );
  const own = results['tintype run'].ms;
  console.log(`\n${name}, each \`${BASH} true\``);
  console.log(
    table(
      ['', 's', 'ms a task', 'tintype against it', 'peak MB'],
      Object.entries(results).map(([program, { ms, megabytes }]) => [
        program,
        (ms / 1000).toFixed(2),
        (ms / tasks.length).toFixed(2),
        times(own / ms),
        number(megabytes),
      ]),
    ),
  );
  return results;
};

const wide = await contest('flat-1000', flat(1_000), RUNS);
const long = await contest('chain-5000', chain(5_000), Math.min(RUNS, 3));
const more = await race({ 'tintype run': tintype(yaml('flat-5000', flat(5_000))) }, 1);

const memory = [wide, more].map((results) => results['tintype run'].megabytes);
const verdict = (what, target, value, met) => [met ? 'met' : 'NOT MET', what, value, target];
const ratioOf = (results) => results['tintype run'].ms / results['make, by the same shell'].ms;
const start = (name) => cold[name].ms / bare;
console.log('\ntargets');
console.log(
  table(
    ['', '', 'measured', 'target'],
    [
      ...['tintype --version', 'tintype run, one task'].map((name) =>
        verdict(`${name}: cold start against node -e 0`, '< 2 ×', times(start(name)), start(name) < 2),
      ),
      verdict('1,000 tasks: time against make', '≤ 2 ×', times(ratioOf(wide)), ratioOf(wide) <= 2),
      verdict('chain of 5,000: time against make', '≤ 2 ×', times(ratioOf(long)), ratioOf(long) <= 2),
      verdict(
        'peak memory, 5,000 tasks against 1,000',
        '≤ 1.5 ×',
        `${times(memory[1] / memory[0])} (${memory.map(number).join(' and ')} MB)`,
        memory[1] / memory[0] <= 1.5,
      ),
    ],
    2,
  ),
);
