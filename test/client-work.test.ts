import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ServiceError } from '../src/client/service-error.ts';
import { type ClaimedUnit, startWork, type UnitCommand, type WorkOptions } from '../src/client/work.ts';

const unit = (id: string): ClaimedUnit => ({
  id,
  jobId: 'job',
  jobName: 'dinner',
  name: id,
  owner: 'cook',
  state: 'claimed',
  attempt: 1,
  priority: 0,
  deps: {},
  token: `token-${id}`,
});

/** A service that has some units, and a clock that moves by hand. */
const kitchen = (ids: readonly string[], given: Partial<WorkOptions> = {}) => {
  const ready = ids.map(unit);
  const told: (readonly [string, UnitCommand['type']])[] = [];
  const maxima: number[] = [];
  const signals = new Set<AbortSignal>();
  const sleepers: { readonly ms: number; readonly wake: () => void }[] = [];
  let refuse: ((id: string, command: UnitCommand) => ServiceError | undefined) | undefined;
  const sleep = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      sleepers.push({ ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const parked = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const work = startWork(
    {
      claim: async ({ max }, { signal }) => {
        maxima.push(max);
        signals.add(signal);
        if (ready.length === 0) return parked(signal);
        return { units: ready.splice(0, max) };
      },
      command: async (id, command) => {
        const refused = refuse?.(id, command);
        if (refused) throw refused;
        told.push([id, command.type]);
        return { unit: unit(id) };
      },
    },
    sleep,
    { owners: ['cook'], handler: () => undefined, ...given },
  );
  return { work, told, maxima, signals, sleepers, refuseBy: (by: NonNullable<typeof refuse>) => (refuse = by) };
};

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe('work', () => {
  test('claims as many units as there are free hands, and reports what came of them', async () => {
    const { work, told, maxima } = kitchen(['a', 'b', 'c'], {
      concurrency: 2,
      handler: ({ id }) => {
        if (id === 'b') throw Object.assign(new Error('burnt'), { code: 'BURNT', retryable: false });
        return { done: id };
      },
    });
    await settled();
    await work.stop();
    expect(told.toSorted()).toEqual([
      ['a', 'success'],
      ['b', 'error'],
      ['c', 'success'],
    ]);
    expect(maxima[0]).toBe(2);
  });

  test('keeps nothing of the units that it has done', async () => {
    const { work, told, signals } = kitchen(
      Array.from({ length: 50 }, (_, at) => `unit ${at}`),
      { concurrency: 2 },
    );
    for (let turn = 0; turn < 50; turn++) await settled();
    expect(told).toHaveLength(50);
    const [signal, ...others] = signals;
    expect(others).toEqual([]);
    // That of the claim that waits.
    expect(getEventListeners(signal as AbortSignal, 'abort')).toHaveLength(1);
    await work.stop();
  });

  test('gives a sign of life each third of the lease, until the unit is done', async () => {
    let finish = (): void => {};
    const { work, told, sleepers } = kitchen(['a'], {
      leaseMs: 30_000,
      handler: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    await settled();
    expect(sleepers.map(({ ms }) => ms)).toEqual([10_000]);
    sleepers[0]?.wake();
    await settled();
    finish();
    await settled();
    sleepers[1]?.wake();
    await settled();
    await work.stop();
    expect(told.toSorted()).toEqual([
      ['a', 'heartbeat'],
      ['a', 'success'],
    ]);
  });

  test('gives back what does not end in time when it stops', async () => {
    let signal: AbortSignal | undefined;
    const { work, told, sleepers } = kitchen(['a'], {
      handler: (_, scope) => {
        signal = scope.signal;
        return new Promise(() => {});
      },
    });
    await settled();
    const stopped = work.stop({ graceMs: 5000 });
    await settled();
    expect(signal?.aborted).toBe(true);
    expect(told).toEqual([]);
    sleepers.find(({ ms }) => ms === 5000)?.wake();
    await stopped;
    expect(told).toEqual([['a', 'release']]);
  });

  test('drops a unit that is no longer its own, and tells the handler', async () => {
    const problems: string[] = [];
    let lost: unknown;
    const { work, told, sleepers, refuseBy } = kitchen(['a'], {
      handler: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            lost = signal.reason;
            resolve({ late: true });
          });
        }),
      onProblem: (error) => problems.push(error.message),
    });
    await settled();
    refuseBy(() => new ServiceError({ status: 409, code: 'STALE_TOKEN', detail: 'stale' }));
    sleepers[0]?.wake();
    await settled();
    await work.stop();
    expect(lost).toMatchObject({ code: 'STALE_TOKEN' });
    expect([told, problems]).toEqual([[], ['stale']]);
  });

  test('ends with the error of a service that refuses it', async () => {
    const refusal = new ServiceError({ status: 403, code: 'FORBIDDEN', detail: 'no' });
    const work = startWork(
      { claim: () => Promise.reject(refusal), command: () => Promise.reject(refusal) },
      () => Promise.resolve(),
      { owners: ['cook'], handler: () => undefined },
    );
    await expect(work.done).rejects.toBe(refusal);
  });
});
