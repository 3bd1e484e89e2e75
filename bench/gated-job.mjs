import { jobFrom } from '../dist/index.js';

const PIPELINES = 24;
const STEPS = ['extract', 'check', 'clean', 'join', 'aggregate', 'publish'];

/**
 * Tasks that end when they are let go, in the order in which they began. `goOn(perSecond)` lets so many changes happen a
 * second, until the function that it returns is called; a task that ends makes two: its own, and that of the next one that runs.
 */
export const gate = () => {
  const waiting = [];
  const open = (count) => {
    for (const resolve of waiting.splice(0, count)) resolve();
  };
  return {
    wait: () => new Promise((resolve) => waiting.push(resolve)),
    /** Resolves once so many tasks wait. */
    full: async (count) => {
      while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    open,
    goOn: (perSecond) => {
      let owed = 0;
      let last = performance.now();
      const timer = setInterval(() => {
        const now = performance.now();
        owed += ((now - last) / 1000) * (perSecond / 2);
        last = now;
        const count = Math.min(Math.floor(owed), waiting.length);
        owed -= count;
        open(count);
      }, 10);
      return () => clearInterval(timer);
    },
  };
};

/** 24 pipelines of six steps that end in one task; most tasks are those inside the step `clean`. */
const pipelines = (name, wait, clean) => {
  const names = Array.from({ length: PIPELINES }, (_, at) => `orders_${at}`);
  const stepOf = (pipeline, step, at) => ({
    name: `${step}_${pipeline}`,
    dependsOn: at === 0 ? [] : [`${STEPS[at - 1]}_${pipeline}`],
    ...(step === 'clean' ? clean : { run: at < 2 ? () => ({}) : wait }),
  });
  return jobFrom(name, [
    ...names.flatMap((pipeline) => STEPS.map((step, at) => stepOf(pipeline, step, at))),
    { name: 'report', dependsOn: names.map((pipeline) => `publish_${pipeline}`), run: wait },
  ]);
};

const inEach = (tasks) =>
  Array.from({ length: Math.ceil((tasks - PIPELINES * STEPS.length - 1) / PIPELINES) }, (_, at) => at);

/** `clean` is a map, whose items are there once they have begun. */
export const maps = (tasks) => (wait) => pipelines('maps', wait, { kind: 'map', over: inEach(tasks), each: wait });

/** `clean` is a nested job, whose tasks wait for nothing. */
export const nested = (tasks) => (wait) => {
  const definition = jobFrom(
    'clean',
    inEach(tasks).map((at) => ({ name: `part_${at}`, run: wait })),
  );
  return pipelines('nested', wait, { kind: 'job', definition, input: () => ({}) });
};

/** A hundred layers; each task waits for three of the layer before. */
export const layers = (tasks) => (wait) => {
  const width = Math.floor(tasks / 100);
  return jobFrom(
    'layers',
    Array.from({ length: width * 100 }, (_, task) => {
      const layer = Math.floor(task / width);
      const needs = [7, 13, 29].map((step) => `task_${layer - 1}_${(task * step) % width}`);
      return { name: `task_${layer}_${task % width}`, dependsOn: layer === 0 ? [] : [...new Set(needs)], run: wait };
    }),
  );
};

/** A few tasks in layers, of which the second one runs. */
export const small = (wait) =>
  jobFrom('small', [
    ...['a', 'b', 'c', 'd'].map((name) => ({ name: `load_${name}`, run: () => ({}) })),
    ...['a', 'b', 'c', 'd'].map((name) => ({ name: `clean_${name}`, dependsOn: [`load_${name}`], run: wait })),
    { name: 'join', dependsOn: ['clean_a', 'clean_b', 'clean_c', 'clean_d'], run: wait },
    ...['north', 'south', 'west', 'east'].map((name) => ({ name: `report_${name}`, dependsOn: ['join'], run: wait })),
    { name: 'publish', dependsOn: ['report_north', 'report_south', 'report_west', 'report_east'], run: wait },
  ]);

/** Tasks of which the first 200 are sensors that look for ever, each time when they are let go. */
export const restless = (tasks) => (wait) =>
  jobFrom(
    'restless',
    Array.from({ length: tasks }, (_, at) =>
      at < 200
        ? {
            kind: 'sensor',
            name: `watch_${at}`,
            interval: 1,
            check: async () => {
              await wait();
              return false;
            },
          }
        : { name: `use_${at}`, dependsOn: [`watch_${at % 200}`], run: wait },
    ),
  );
