import fc from 'fast-check';
import { from, lastValueFrom } from 'rxjs';
import { type JobEvent, jobFrom, metrics } from 'tintype';
import { seededRandom, virtualClock } from 'tintype/testing';
import { type ChromeTrace, chromeTrace, chromeTraceText, type TraceRecord } from 'tintype/trace';
import { describe, expect, test } from 'vitest';
import { play, restlessJob } from '../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/telemetry/chrome-trace.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const START = Date.UTC(2026, 0, 1);

const wait = (clock: ReturnType<typeof virtualClock>, ms: number) =>
  new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

/** Plays a job in which one task is tried twice, two run at once, one fails, and one is nested. */
const breakfast = async () => {
  const clock = virtualClock(START);
  let tries = 0;
  const inner = jobFrom('sauce', [{ name: 'stir', run: () => wait(clock, 5) }]);
  const definition = jobFrom('breakfast', [
    {
      name: 'oven',
      maxRetries: 1,
      retry: { delayMs: 10 },
      run: async () => {
        await wait(clock, 3);
        if (++tries === 1) throw new Error('it is cold');
      },
    },
    { name: 'eggs', run: () => wait(clock, 4) },
    { name: 'sauce', dependsOn: ['eggs'], kind: 'job', definition: inner },
    {
      name: 'serve',
      dependsOn: ['oven', 'sauce'],
      run: () => {
        throw new Error('the plate fell');
      },
    },
  ]);
  const job = definition.start({}, { clock, jobId: 'b1', random: seededRandom(1) });
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => events.push(event));
  await clock.runAll();
  await job;
  return { definition, events };
};

const brief = ({ traceEvents }: ChromeTrace): string =>
  traceEvents
    .map(({ ph, name, tid, ts, dur, id, args }) =>
      [
        ph,
        tid,
        name,
        ts === undefined ? '' : `at ${ts - START * 1000}`,
        dur === undefined ? '' : `for ${dur}`,
        id === undefined ? '' : `#${id}`,
        args ? JSON.stringify(args) : '',
      ]
        .filter((part) => part !== '')
        .join(' '),
    )
    .join('\n');

/** What a viewer may rely on; returns the records by their phase. */
const checkRules = ({ traceEvents }: ChromeTrace): Map<string, TraceRecord[]> => {
  const byPhase = new Map<string, TraceRecord[]>();
  for (const record of traceEvents) byPhase.set(record.ph, [...(byPhase.get(record.ph) ?? []), record]);
  const open = new Map<string, TraceRecord>();
  for (const record of traceEvents) {
    const key = `${record.pid} ${record.cat} ${record.id}`;
    if (record.ph === 'b') {
      expect(open.has(key), `${record.name} begins twice`).toBe(false);
      open.set(key, record);
    }
    if (record.ph === 'e') {
      const begin = open.get(key);
      expect(begin?.name).toBe(record.name);
      expect(record.ts).toBeGreaterThanOrEqual(begin?.ts as number);
      open.delete(key);
    }
    if (record.ph !== 'M') expect(Number.isSafeInteger(record.ts), record.name).toBe(true);
  }
  expect([...open.values()].map(({ name }) => name)).toEqual([]);
  const lanes = new Map<string, TraceRecord[]>();
  for (const record of byPhase.get('X') ?? []) {
    expect(record.dur).toBeGreaterThanOrEqual(0);
    const lane = `${record.pid} ${record.tid}`;
    lanes.set(lane, [...(lanes.get(lane) ?? []), record]);
  }
  for (const periods of lanes.values()) {
    const inOrder = periods.toSorted((a, b) => (a.ts as number) - (b.ts as number));
    for (const [at, next] of inOrder.slice(1).entries()) {
      const before = inOrder[at] as TraceRecord;
      expect((before.ts as number) + (before.dur as number), `${before.name}, then ${next.name}`).toBeLessThanOrEqual(
        next.ts as number,
      );
    }
  }
  const starts = byPhase.get('s') ?? [];
  const ends = new Map((byPhase.get('f') ?? []).map((record) => [record.id, record]));
  expect(ends.size).toBe(starts.length);
  for (const start of starts) {
    const end = ends.get(start.id) as TraceRecord;
    expect(end.ts).toBeGreaterThanOrEqual(start.ts as number);
    for (const one of [start, end]) {
      const around = lanes.get(`${one.pid} ${one.tid}`) ?? [];
      expect(
        around.some(({ ts = 0, dur = 0 }) => ts <= (one.ts as number) && (one.ts as number) <= ts + dur),
        `an arrow at ${one.ts} ends in no period`,
      ).toBe(true);
    }
  }
  const named = new Set((byPhase.get('M') ?? []).map(({ pid, tid, name }) => `${name} ${pid} ${tid}`));
  for (const { ph, pid, tid } of traceEvents) if (ph !== 'M') expect(named).toContain(`thread_name ${pid} ${tid}`);
  return byPhase;
};

describe('chromeTrace', () => {
  test('has a period for each attempt, a pair for each wait, and arrows along the critical path', async () => {
    const { definition, events } = await breakfast();
    const trace = chromeTrace(events, { definitions: [definition] });
    checkRules(trace);
    expect(brief(trace)).toMatchInlineSnapshot(`
      "M 0 process_name {"name":"breakfast (b1)"}
      M 0 thread_name {"name":"job"}
      b 0 eggs ready at 0 #1 {"attempt":0}
      b 0 oven ready at 0 #2 {"attempt":0}
      e 0 eggs ready at 0 #1
      M 1 thread_name {"name":"lane 1"}
      e 0 oven ready at 0 #2
      M 2 thread_name {"name":"lane 2"}
      X 2 oven at 0 for 3000 {"attempt":1,"outcome":"retrying","reason":"error","code":"TASK_FAILED"}
      b 0 oven retrying at 3000 #2 {"attempt":1,"reason":"error"}
      X 1 eggs at 0 for 4000 {"attempt":1,"outcome":"completed"}
      b 0 sauce ready at 4000 #3 {"attempt":0}
      e 0 sauce ready at 4000 #3
      b 0 sauce/stir ready at 4000 #4 {"attempt":0}
      e 0 sauce/stir ready at 4000 #4
      X 2 sauce/stir at 4000 for 5000 {"attempt":1,"outcome":"completed"}
      X 1 sauce at 4000 for 5000 {"attempt":1,"outcome":"completed"}
      e 0 oven retrying at 13000 #2
      b 0 oven ready at 13000 #2 {"attempt":1}
      e 0 oven ready at 13000 #2
      X 1 oven at 13000 for 3000 {"attempt":2,"outcome":"completed"}
      b 0 serve ready at 16000 #5 {"attempt":0}
      e 0 serve ready at 16000 #5
      X 1 serve at 16000 for 0 {"attempt":1,"outcome":"failed","reason":"error","code":"TASK_FAILED"}
      i 1 serve failed at 16000 {"reason":"error","code":"TASK_FAILED","message":"Task \\"serve\\" failed in attempt 1: the plate fell"}
      i 0 job failed at 16000 {"code":"JOB_FAILED","message":"Job \\"breakfast\\" failed: Task \\"serve\\" failed in attempt 1: the plate fell"}
      X 0 breakfast at 0 for 16000 {"state":"failed","code":"JOB_FAILED"}
      s 1 critical path at 15999 #6
      f 1 critical path at 16000 #6"
    `);
  });

  test('without the definition there are no arrows', async () => {
    const { events } = await breakfast();
    const trace = chromeTrace(events);
    expect(checkRules(trace).has('s')).toBe(false);
    expect(checkRules(trace).get('X')).toHaveLength(7);
  });

  test('a trace of several jobs has each as a process of its own', async () => {
    const { events } = await breakfast();
    const other = events.map((event) => ({ ...event, jobId: 'b2' }));
    const trace = chromeTrace([...events, ...other]);
    checkRules(trace);
    const processes = trace.traceEvents.filter(({ name }) => name === 'process_name');
    expect(processes.map(({ pid, args }) => [pid, args?.name])).toEqual([
      [1, 'breakfast (b1)'],
      [2, 'breakfast (b2)'],
    ]);
  });

  test('of a job that is not over, what is open lasts until now', async () => {
    const { definition, events } = await breakfast();
    for (let count = 0; count <= events.length; count++) {
      const last = events[count - 1]?.at ?? START;
      const trace = chromeTrace(events.slice(0, count), { definitions: [definition], now: last + 2 });
      const periods = checkRules(trace).get('X') ?? [];
      for (const { ts = 0, dur = 0, args } of periods)
        if (args?.outcome === 'running') expect(ts + dur).toBe((last + 2) * 1000);
      expect(periods.some(({ cat }) => cat === 'job')).toBe(count > 0);
    }
  });

  test('an arrow to a task that did not wait for the end of the one before leaves when it begins', async () => {
    const clock = virtualClock(START);
    const definition = jobFrom('early', [
      {
        name: 'fails',
        run: () => {
          throw new Error('no');
        },
      },
      { name: 'long', run: () => wait(clock, 14) },
      { name: 'alarm', dependsOn: ['long', 'fails'], trigger: 'oneFailed', run: () => wait(clock, 2) },
    ]);
    const job = definition.start({}, { clock, onFailure: 'continue' });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    await clock.runAll();
    await job;
    const byPhase = checkRules(chromeTrace(events, { definitions: [definition] }));
    expect(byPhase.get('s')?.map(({ ts = 0 }) => ts - START * 1000)).toEqual([0]);
  });

  test('time stands still where a clock was set back', async () => {
    const { definition, events } = await breakfast();
    const back = events.map((event, index) => (index < 6 ? event : { ...event, at: event.at - 1_000 }));
    checkRules(chromeTrace(back, { definitions: [definition] }));
  });

  test('the text of chromeTraceText is that of chromeTrace, in parts', async () => {
    const { definition, events } = await breakfast();
    const many = Array.from({ length: 200 }, (_, n) => events.map((event) => ({ ...event, jobId: `b${n}` }))).flat();
    const parts: string[] = [];
    for await (const part of chromeTraceText(many, { definitions: [definition] })) parts.push(part);
    expect(parts.length).toBeGreaterThan(3);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(400_000);
    expect(JSON.parse(parts.join(''))).toEqual(chromeTrace(many, { definitions: [definition] }));
    const empty: string[] = [];
    for await (const part of chromeTraceText([])) empty.push(part);
    expect(JSON.parse(empty.join(''))).toEqual({ displayTimeUnit: 'ms', traceEvents: [] });
  });

  test('200 random jobs keep the rules, and their sums are those of metrics()', async () => {
    await fc.assert(
      fc.asyncProperty(restlessJob(), async (spec) => {
        const { definition, events } = await play(spec, () => {});
        const byPhase = checkRules(chromeTrace(events, { definitions: [definition] }));
        const total = await lastValueFrom(from(events).pipe(metrics()));
        const attempts = (byPhase.get('X') ?? []).filter(
          ({ cat, args }) => cat === 'attempt' && args?.outcome !== 'lost',
        );
        expect(attempts.reduce((sum, { dur = 0 }) => sum + dur, 0)).toBe(total.runMs * 1000);
        const begins = (byPhase.get('b') ?? []).length;
        expect((byPhase.get('e') ?? []).length).toBe(begins);
        expect(attempts.filter(({ args }) => args?.outcome === 'running')).toEqual([]);
      }),
      { numRuns: 200, ...seeded },
    );
  });
});
