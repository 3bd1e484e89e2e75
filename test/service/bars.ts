import { loadavg } from 'node:os';
import { expect } from 'vitest';

/** Whether this is the slow suite: `npm run test:service`. */
export const IS_LONG = process.env.MODE === 'service';

/** Returns the number for the slow suite, or that for the ordinary one. */
export const inLong = (long: number, short: number): number => (IS_LONG ? long : short);

/** The seed of the tests: `SERVICE_SEED`, or the time. It is printed. */
export const SEED = Number(process.env.SERVICE_SEED ?? Date.now() % 1_000_000);
console.log(`seed of the service's tests: ${SEED}`);

/** A machine that is busier than this says nothing of times. */
const MOST_LOAD = 4;

/** Compares a time with its bar: in the slow suite, prints both, and demands it unless the machine is busy. */
export const expectWithin = (what: string, ms: number, barMs: number): void => {
  const [load = 0] = loadavg();
  if (!IS_LONG) return;
  console.log(`${what}: ${Math.round(ms)} ms (bar ${barMs} ms, load ${load.toFixed(1)})`);
  if (load < MOST_LOAD) expect(ms, `${what}, seed ${SEED}`).toBeLessThanOrEqual(barMs);
};
