import { median, timed, timedWarm } from './measure.mjs';
import { flat, layered } from './shapes.mjs';

const run = async () => {};

/** µs per task, definition and run, of layered jobs that grow from 1,000 tasks to 200,000: medians of 5, of 3 from 50,000 on. */
export const perTaskBySize = async ({ jobFrom }) => {
  const sizes = [1_000, 10_000, 50_000, 200_000];
  const rounds = { 1000: 9, 10000: 5, 50000: 3, 200000: 3 };
  const times = new Map(sizes.map((size) => [size, []]));
  for (let round = 0; round < Math.max(...Object.values(rounds)); round++) {
    for (const size of sizes.filter((size) => round < rounds[size])) {
      const tasks = layered(size / 100, 100).map((task) => ({ ...task, run }));
      const ms = await timedWarm(async () => {
        const job = jobFrom('scale', tasks).start({});
        job.events$.subscribe(() => {});
        await job;
      });
      times.get(size).push((ms * 1_000) / size);
    }
  }
  return new Map([...times].map(([size, values]) => [size, median(values)]));
};

/** How long it takes, in ms, to cancel a job of which all tasks are running. */
export const cancelMs = async ({ jobFrom }, size = 10_000) => {
  const never = () => new Promise(() => {});
  const definition = jobFrom(
    'cancel',
    flat(size).map((task) => ({ ...task, run: never })),
  );
  const times = [];
  for (let round = 0; round < 5; round++) {
    const job = definition.start({});
    job.events$.subscribe(() => {});
    while (job.task(`task-${size - 1}`).state !== 'running') await new Promise((resolve) => setImmediate(resolve));
    times.push(await timed(() => job.cancel()));
  }
  return median(times);
};
