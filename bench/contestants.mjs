import async from 'async';
import { PGraph } from 'p-graph';
import { naiveXState } from './naive-xstate.mjs';

/**
 * A contestant takes a case, `{ tasks, cap, reads }`, and answers a function that runs it once. What that function does
 * is what is timed: a contestant that builds its graph anew for each run pays for it, one that builds once does not.
 *
 * With `reads`, each task puts out a key and reads that of its first dependency, in the way that is each contestant's own.
 */
export const contestants = ({ jobFrom }) => ({
  'tintype, define + run': (kase) => () => runJob(jobFrom('bench', tintypeTasks(kase)), kase),
  'tintype, run': (kase) => {
    const definition = jobFrom('bench', tintypeTasks(kase));
    return () => runJob(definition, kase);
  },
  'p-graph, build + run': (kase) => () => pGraph(kase).run({ concurrency: kase.cap }),
  'p-graph, run': (kase) => {
    const graph = pGraph(kase);
    return () => graph.run({ concurrency: kase.cap });
  },
  'async.auto': (kase) => () => async.auto(autoTasks(kase), kase.cap ?? kase.tasks.length),
  'promises by hand': (kase) => () => promises(kase),
  'XState, spawned naively': (kase) => () => naiveXState(kase.tasks),
});

const nothing = async () => {};

const tintypeTasks = ({ tasks, reads }) =>
  tasks.map(({ name, dependsOn }) => ({
    name,
    dependsOn,
    run: reads ? async ({ ctx }) => ({ [name]: read(ctx, dependsOn) }) : nothing,
  }));

const runJob = async (definition, { cap }) => {
  const job = definition.start({}, cap === undefined ? {} : { maxConcurrency: cap });
  let events = 0;
  job.events$.subscribe(() => {
    events++;
  });
  const { state } = await job;
  if (state !== 'completed' || events < definition.tasks.length) throw new Error(`The job ended ${state}.`);
};

/** p-graph has no results: its tasks share an object. */
const pGraph = ({ tasks, reads }) => {
  const shared = {};
  const nodes = new Map();
  const edges = [];
  for (const { name, dependsOn } of tasks) {
    const run = async () => {
      shared[name] = read(shared, dependsOn);
    };
    nodes.set(name, { run: reads ? run : nothing });
    for (const need of dependsOn) edges.push([need, name]);
  }
  return new PGraph(nodes, edges);
};

/** async hands a task the results of all before it. */
const autoTasks = ({ tasks, reads }) => {
  const graph = {};
  for (const { name, dependsOn } of tasks) {
    const run = reads ? async (results) => read(results, dependsOn) : nothing;
    graph[name] = dependsOn.length === 0 ? (reads ? async () => 0 : nothing) : [...dependsOn, run];
  }
  return graph;
};

/** The floor: what a reader would write for one graph, with a semaphore where there is a cap. */
const promises = async ({ tasks, cap, reads }) => {
  const shared = {};
  const done = new Map();
  const withSlot = cap === undefined ? (run) => run() : semaphore(cap);
  const start = async (name, dependsOn) => {
    const run = async () => {
      shared[name] = read(shared, dependsOn);
    };
    if (dependsOn.length > 0) await Promise.all(dependsOn.map((need) => done.get(need)));
    await withSlot(reads ? run : nothing);
  };
  for (const { name, dependsOn } of tasks) done.set(name, start(name, dependsOn));
  await Promise.all(done.values());
};

const semaphore = (slots) => {
  const waiting = [];
  let free = slots;
  let next = 0;
  return async (run) => {
    if (free > 0) free--;
    else await new Promise((resolve) => waiting.push(resolve));
    try {
      return await run();
    } finally {
      if (next < waiting.length) waiting[next++]();
      else free++;
    }
  };
};

const read = (values, [need]) => (need === undefined ? 0 : values[need] + 1);
