import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { demoJobs } from './demo-jobs.ts';

/** Jobs that begin again and again, so that there is always something to look at. */
export type Demo = {
  readonly definitions: ReturnType<typeof demoJobs>;
  /** Starts jobs until `stop`. */
  readonly start: (engine: Engine) => void;
  readonly stop: () => void;
};

/** How many jobs of each name there are at once, and how long after the end of one the next begins, in ms. */
const LIVES: Readonly<Record<string, { readonly count: number; readonly pauseMs: number }>> = {
  'daily-sales': { count: 2, pauseMs: 4_000 },
  refund: { count: 3, pauseMs: 5_000 },
  backup: { count: 1, pauseMs: 20_000 },
  simulation: { count: 1, pauseMs: 60_000 },
  publish: { count: 1, pauseMs: 10_000 },
};

/** `speed` divides all times. */
export const demo = (random: () => number, speed = 1): Demo => {
  const definitions = demoJobs(random, speed);
  const stopping = new AbortController();
  const { signal } = stopping;
  const live = async (engine: Engine, definition: Demo['definitions'][number], pauseMs: number): Promise<void> => {
    while (!signal.aborted) {
      await engine.start(definition, {}, { labels: { demo: 'yes' } });
      await sleep(pauseMs / speed, undefined, { signal, ref: false });
    }
  };
  return {
    definitions,
    start: (engine) => {
      for (const definition of definitions) {
        const { count, pauseMs } = LIVES[definition.name] ?? { count: 1, pauseMs: 10_000 };
        // It ends with the pause that is broken off, or with the engine.
        for (let n = 0; n < count; n++) live(engine, definition, pauseMs).catch(() => {});
      }
    },
    stop: () => stopping.abort(),
  };
};

/** A database that ends with the process that made it. */
export const temporaryDatabase = (): { readonly db: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-demo-'));
  return { db: join(folder, 'jobs.db'), remove: () => rmSync(folder, { recursive: true, force: true }) };
};
