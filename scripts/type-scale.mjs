// How long tsc takes over jobs of hundreds of typed tasks, and how that grows with their number.
//
//   node scripts/type-scale.mjs [sizes] [path of another tsc]      default: 100,200,400,800 and the project's own
//
// Each row is a program of one job in which every task puts out a key and reads one of a dependency, checked against the
// emitted declarations. Fails where tsc reports a type error, and where it misses one of the mistakes in the last program.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [sizes = '100,200,400,800', tsc = join(root, 'node_modules/typescript/bin/tsc')] = process.argv.slice(2);

const task = (name, needs, read) =>
  `.task('${name}', { dependsOn: [${needs.map((need) => `'${need}'`)}] }, ({ ctx, deps }) => ({ ${name}: ctx.${read} + deps.${read}.${read} }))`;
const first = (name) => `.task('${name}', ({ ctx }) => ({ ${name}: ctx.seed }))`;

const WIDTH = 20;
const FAN_IN = 3;

/** Programs of a job of so many tasks, by shape: their lines up to the definition's end. */
const shapes = {
  chain: (size) => [first('t0'), ...range(1, size).map((i) => task(`t${i}`, [`t${i - 1}`], `t${i - 1}`))],
  flat: (size) => range(0, size).map((i) => first(`t${i}`)),
  layers: (size) =>
    range(0, size).map((i) => {
      const layer = i - (i % WIDTH) - WIDTH;
      const needs = range(0, FAN_IN).map((k) => `t${layer + ((i + 7 * k) % WIDTH)}`);
      return layer < 0 ? first(`t${i}`) : task(`t${i}`, needs, needs[i % FAN_IN]);
    }),
  'fan-in of all': (size) => [
    ...range(0, size - 1).map((i) => first(`t${i}`)),
    task(
      `t${size - 1}`,
      range(0, size - 1).map((i) => `t${i}`),
      't0',
    ),
  ],
};

const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

const define = (tasks) => [
  `import { defineJob } from 'tintype';`,
  `export const definition = defineJob<{ seed: number }>('scale')`,
  ...tasks,
  `.seal();`,
];

/** What people do with a job: read its whole context, and the output of one task. */
const use = (size) => [
  `const job = definition.start({ seed: 1 });`,
  `const whole = await job.orThrow();`,
  `export const numbers: number[] = [whole.t0, whole.t${size - 1}, whole.seed];`,
  `export const one: number = (await job.output('t${size - 1}')).t${size - 1};`,
];

/** A chain with a wrong read in its middle, and after its end an unknown dependency, a name that is taken, a wrong read. */
const mistaken = (size) => {
  const tasks = shapes.chain(size);
  const middle = Math.floor(size / 2);
  tasks[middle] = task(`t${middle}`, [`t${middle - 1}`], 'nothing');
  tasks.push(task('unknown', ['t0', 'nowhere'], 't0'), task('t0', [], 'seed'), task('far', [`t${size - 1}`], 't0'));
  return tasks;
};

/** A directory in which a program finds the declarations of tintype, as one does that has installed it. */
const directory = mkdtempSync(join(tmpdir(), 'tintype-types-'));
const install = () => {
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction');
  const outDir = join(directory, 'tintype');
  run(
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
    '--emitDeclarationOnly',
    '--outDir',
    outDir,
  );
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { paths: { tintype: ['./tintype/index.d.ts'] } },
    include: ['program.mts'],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
};

const run = (tsc, ...args) => spawnSync(process.execPath, [tsc, ...args], { encoding: 'utf8' });

/** Seconds that tsc takes over a program, types it makes, and the lines of the program that it finds fault with. */
const check = (lines) => {
  writeFileSync(join(directory, 'program.mts'), `${lines.join('\n')}\n`);
  const began = process.hrtime.bigint();
  const { stdout, stderr } = run(tsc, '--noEmit', '--extendedDiagnostics', '-p', directory);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const faults = stdout.split('\n').filter((line) => /error TS/.test(line));
  const figure = (name) => stdout.match(new RegExp(`${name}:\\s+([\\d.]+)`))?.[1];
  const [checkSeconds, types] = [Number(figure('Check time')), Number(figure('Types'))];
  if (!types) throw new Error(`tsc gave no figures:\n${stdout}${stderr}`);
  return {
    seconds,
    checkSeconds,
    types,
    faults,
    faultyLines: faults.map((fault) => Number(fault.match(/\((\d+),/)?.[1])),
  };
};

const row = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(12))).join(''));
const told = ({ seconds, checkSeconds, types }) => [seconds.toFixed(2), checkSeconds.toFixed(2), String(types)];

try {
  install();
  row('job', 'tasks', 'seconds', 'of checking', 'types', 'growth');
  row('none', '0', ...told(check(define([]))));
  for (const [shape, tasksOf] of Object.entries(shapes)) {
    let before;
    for (const size of sizes.split(',').map(Number)) {
      const result = check([...define(tasksOf(size)), ...use(size)]);
      row(shape, String(size), ...told(result), before ? `× ${(result.checkSeconds / before).toFixed(1)}` : '');
      before = result.checkSeconds;
      for (const fault of result.faults.slice(0, 3)) console.error(fault.slice(0, 600));
      if (result.faults.length > 0) process.exitCode = 1;
    }
  }
  const size = 400;
  const lines = define(mistaken(size));
  const lineOf = (text) => lines.findIndex((line) => line.startsWith(`.task('${text}'`)) + 1;
  const wrong = check(lines);
  row('chain with mistakes', String(size), ...told(wrong));
  const expected = [lineOf(`t${size / 2}`), lineOf('unknown'), lineOf('far') - 1, lineOf('far')];
  const missed = expected.filter((line) => !wrong.faultyLines.includes(line));
  const invented = wrong.faultyLines.filter((line) => !expected.includes(line));
  console.log(`Of ${expected.length} mistakes in it, tsc found ${expected.length - missed.length}.`);
  if (missed.length + invented.length > 0) {
    console.error(
      `Missed: ${missed.map((line) => lines[line - 1])}\nInvented: ${invented.map((line) => lines[line - 1])}`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true });
}
