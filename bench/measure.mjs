/** How long a call takes, in ms. */
export const timed = async (run) => {
  const start = performance.now();
  await run();
  return performance.now() - start;
};

/**
 * The same, without the garbage of whoever ran before. A full collection also throws away machine code whose objects
 * are all gone, so that a first run after it, which is not timed, lets everybody warm up again.
 */
export const timedWarm = async (run) => {
  globalThis.gc();
  await run();
  return timed(run);
};

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/**
 * The median time in ms of each function of a record. They take turns, forwards and backwards, after a first
 * round; one that takes longer than `patienceMs` there keeps that time and runs no more.
 */
export const race = async (runs, { rounds = 5, patienceMs = 3_000 } = {}) => {
  const times = {};
  for (const [name, run] of Object.entries(runs)) {
    const first = await timed(run);
    times[name] = { counted: [], patient: first <= patienceMs, first };
  }
  for (let round = 0; round < rounds; round++) {
    const turn = Object.keys(runs).filter((name) => times[name].patient);
    if (round % 2 === 1) turn.reverse();
    for (const name of turn) times[name].counted.push(await timedWarm(runs[name]));
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, { counted, first }]) => [
      name,
      { ms: counted.length > 0 ? median(counted) : first, runs: Math.max(1, counted.length) },
    ]),
  );
};

/** Bytes in use, once all that can be let go has been. */
export const heapUsed = async () => {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
};
