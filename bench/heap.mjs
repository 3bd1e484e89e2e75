import { heapUsed } from './measure.mjs';
import { layered, three } from './shapes.mjs';

/** Bytes of heap per settled task: while the job lives, and what is left once it has been let go. */
export const heapPerTask = async ({ jobFrom }, layers = 500) => {
  const gate = Promise.withResolvers?.() ?? openable();
  const tasks = layered(layers, 100);
  const last = { name: 'last', dependsOn: tasks.slice(-100).map(({ name }) => name), run: () => gate.promise };
  const definition = jobFrom('heap', [...tasks.map((task) => ({ ...task, run: async () => {} })), last]);
  await definition.start({ warm: true }, { signal: AbortSignal.abort() });

  const before = await heapUsed();
  let job = definition.start({});
  job.events$.subscribe(() => {});
  while (job.task('last').state !== 'running') await new Promise((resolve) => setImmediate(resolve));
  const alive = await heapUsed();
  gate.resolve();
  await job;
  job = undefined;
  const after = await heapUsed();
  return { alive: (alive - before) / tasks.length, left: (after - before) / tasks.length };
};

const openable = () => {
  const gate = {};
  gate.promise = new Promise((resolve) => {
    gate.resolve = resolve;
  });
  return gate;
};

/** By how many bytes a job lets the heap grow, over many jobs in a row whose tasks all have names of their own. */
export const heapPerJob = async ({ jobFrom }, jobs = 10_000, warmUp = 2_000) => {
  let before = 0;
  for (let index = 0; index < warmUp + jobs; index++) {
    if (index === warmUp) before = await heapUsed();
    const tasks = three(`${index}-`).map((task) => ({ ...task, run: async () => {} }));
    const job = jobFrom(`job-${index}`, tasks).start({});
    job.events$.subscribe(() => {});
    await job;
  }
  return ((await heapUsed()) - before) / jobs;
};
