// What subscribers cost a job: node bench/subscribers.mjs [rounds] after npm run build; also a part of npm run bench:events
import { fork } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buffered, jobFrom } from '../dist/index.js';
import { median } from './measure.mjs';
import { layered } from './shapes.mjs';
import { table } from './table.mjs';

/** What a job may cost with one idle subscriber, against none. */
const WITH_ONE = 1.05;

/** What each of 100 subscribers may cost, against each of 10. */
const LINEAR = 1.5;

/** What a job may cost with a slow reader, against none: so much more or less. */
const BESIDE_READER = 0.1;

/** What each of 10 subscribers counts as at least, in ns an event: less could not be told from nothing. */
const LEAST_EACH = 20;

const WARM_UP = 2;
const SIZE = 1_000;

/** Time of the processor, so that other work on the machine does not count. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Runs the job once with what `attach` adds to it; returns the CPU time of its run and what `attach` returned. */
const once = async (definition, attach) => {
  const begun = cpuMs();
  const job = definition.start({});
  const attached = attach(job);
  const { state } = await job;
  const ms = cpuMs() - begun;
  if (state !== 'completed') throw new Error(`The job ended ${state}.`);
  await attached?.reading;
  return { ms, attached };
};

/** Without the garbage of the case before, and warm: a full collection throws away machine code, too. */
const onceWarm = async (definition, attach) => {
  globalThis.gc?.();
  // One run is too few where the machine code is compiled beside, on a busy machine.
  for (let run = 0; run < 3; run++) await once(definition, attach);
  return once(definition, attach);
};

const inThree = (values) => values.map((value) => value.toFixed(3)).join(' and ');

const idle = (count) => (job) => {
  for (let at = 0; at < count; at++) job.events$.subscribe(() => {});
};

/** A reader that takes a ms for each event. The numbers of the events say how many there were. */
const slowReader = (job) => {
  const seen = { published: 0, read: 0 };
  const events = buffered(job.events$, { size: SIZE });
  const reading = (async () => {
    for await (const { seq } of events) {
      seen.read++;
      seen.published = seq + 1;
      // What is left at the end is read at once, so that the next round begins soon.
      if (job.state === 'running') await wait(1);
    }
  })();
  return { seen, events, reading };
};

const CONTROLS = ['no subscriber', 'no subscriber, again (A/A)'];
const READER = 'slow reader, buffered';

const CASES = {
  [CONTROLS[0]]: idle(0),
  [CONTROLS[1]]: idle(0),
  '1 idle': idle(1),
  '10 idle': idle(10),
  '100 idle': idle(100),
  [READER]: slowReader,
};

/**
 * Measures a job of 5,000 tasks with 0, 1, 10 and 100 idle subscribers, and with a slow reader of a buffer: CPU time, all
 * cases in each round, in changing order. The job without subscribers runs twice in each; both are the controls. Two
 * ratios: of the least of all rounds, and the median of the ratios within each round, which bears a busy machine. A bar is
 * missed if both are over it. Resolves to the text to print and what misses its bar. In a process of its own, where nothing
 * has run before, without threads of the garbage collector: while others use the processor, they wait for one another, and
 * that counts as CPU time.
 */
export const subscribers = ({ rounds = 15 } = {}) =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [String(rounds), MEASURE], {
      execArgv: ['--expose-gc', '--single-threaded-gc'],
    });
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The measurement ended with exit code ${code}.`)));
  });

const MEASURE = '--measure';

const measure = async (rounds, layers = 50, width = 100) => {
  const definition = jobFrom(
    'layered',
    layered(layers, width).map((task) => ({ ...task, run: () => {} })),
  );
  const tasks = layers * width;
  const names = Object.keys(CASES);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const reader = { read: 0, dropped: 0, published: 0, missing: 0 };
  for (let round = -WARM_UP; round < rounds; round++) {
    // In changing order, so that no case always follows the same one.
    const order = [...names.slice(round % names.length), ...names.slice(0, round % names.length)];
    for (const name of round % 2 === 0 ? order : order.toReversed()) {
      const { ms, attached } = await onceWarm(definition, CASES[name]);
      if (round >= 0) times[name].push(ms);
      if (!attached) continue;
      const { published, read } = attached.seen;
      Object.assign(reader, { published, read, dropped: attached.events.dropped, missing: published - read });
      if (reader.dropped !== reader.missing)
        throw new Error(`dropped is ${reader.dropped}, but ${reader.missing} of ${published} events are missing.`);
    }
  }

  const least = (name) => Math.min(...times[name]);
  const mean = (one, other) => (one + other) / 2;
  const none = mean(...CONTROLS.map(least));
  const events = reader.published;
  const ratios = (name) => [
    least(name) / none,
    median(times[name].map((ms, at) => ms / mean(...CONTROLS.map((control) => times[control][at])))),
  ];
  /** The ns that each of so many subscribers costs for each event, by both ratios. */
  const each = (count) => ratios(`${count} idle`).map((ratio) => ((ratio - 1) * none * 1e6) / (events * count));
  const missed = [];
  const bar = (what, found, most) => {
    if (!found.some((value) => value <= most)) missed.push(`${what}: ${inThree(found)}, at most ${most.toFixed(3)}`);
  };
  bar('one idle subscriber', ratios('1 idle'), WITH_ONE);
  bar('each of 100 against each of 10, in ns', each(100), LINEAR * Math.max(...each(10), LEAST_EACH));
  bar('slow reader', ratios(READER), 1 + BESIDE_READER);
  bar(
    'slow reader, too fast',
    ratios(READER).map((ratio) => 1 / ratio),
    1 / (1 - BESIDE_READER),
  );
  if (reader.dropped === 0) missed.push('slow reader: it has missed no event, so that nothing was shown');

  const rows = names.map((name) => [
    name,
    least(name).toFixed(1),
    ((least(name) * 1_000) / tasks).toFixed(2),
    ...ratios(name).map((ratio) => `${ratio.toFixed(3)} ×`),
    / idle$/.test(name)
      ? each(Number.parseInt(name, 10))
          .map((ns) => ns.toFixed(0))
          .join(', ')
      : '',
  ]);
  const text = [
    `Subscribers of a job of ${tasks} tasks in ${layers} layers, ${events} events: CPU time, ${rounds} rounds`,
    table(['', 'least ms', 'µs a task', 'of the least', 'median', 'ns an event, each'], rows),
    `Slow reader with a buffer of ${SIZE}: ${reader.read} read, ${reader.dropped} dropped, ${reader.missing} missing.`,
    `Bars: one idle ≤ ${WITH_ONE} ×; each of 100 ≤ ${LINEAR} × each of 10; slow reader within ${BESIDE_READER * 100} %; dropped = missing.`,
    missed.length === 0 ? 'All are held.' : `Missed: ${missed.join('; ')}`,
  ].join('\n');
  return { text, missed };
};

const [, file, rounds, mode] = process.argv;
if (mode === MEASURE) {
  process.send(await measure(Number(rounds)));
} else if (file === fileURLToPath(import.meta.url)) {
  const { text, missed } = await subscribers(rounds === undefined ? {} : { rounds: Number(rounds) });
  console.log(text);
  if (missed.length > 0) process.exitCode = 1;
}
