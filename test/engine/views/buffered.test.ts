import fc from 'fast-check';
import { from, of, Subject, throwError } from 'rxjs';
import { type Buffered, buffered, createEngine, jobFrom, OptionError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';

const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** Reads all events up to the end of the stream. */
const rest = async <Event>(events: Buffered<Event>): Promise<Event[]> => {
  const read: Event[] = [];
  for await (const event of events) read.push(event);
  return read;
};

/** A stream and its events as a reader sees them. */
const stream = (options?: Parameters<typeof buffered<string>>[1]) => {
  const source = new Subject<string>();
  return { source, events: buffered(source, options), write: (text: string) => [...text].map((e) => source.next(e)) };
};

describe('a reader of a stream', () => {
  test('gets all events from the call on, in order, also those from before its first read', async () => {
    const { source, events, write } = stream();
    write('ab');
    expect(events.waiting).toBe(2);
    const all = rest(events);
    await Promise.resolve();
    write('cd');
    source.complete();
    expect(await all).toEqual(['a', 'b', 'c', 'd']);
    expect([events.dropped, events.waiting]).toEqual([0, 0]);
  });

  test.each([
    { onFull: undefined, read: ['d', 'e', 'f'] },
    { onFull: 'dropOldest', read: ['d', 'e', 'f'] },
    { onFull: 'dropNewest', read: ['a', 'b', 'c'] },
  ] as const)('that is too slow gets $read with onFull: $onFull, and learns how many it missed', async ({
    onFull,
    read,
  }) => {
    const { source, events, write } = stream({ size: 3, onFull });
    write('abcdef');
    expect([events.waiting, events.dropped]).toEqual([3, 3]);
    source.complete();
    expect(await rest(events)).toEqual(read);
    expect(events.dropped).toBe(3);
  });

  test('may be 10,000 events behind by default', async () => {
    const events = buffered(from(Array.from({ length: 10_001 }, (_, at) => at)));
    expect([events.dropped, events.waiting]).toEqual([1, 10_000]);
    expect((await rest(events)).at(0)).toBe(1);
  });

  test('gets what waits after the end of the stream, then the end', async () => {
    const events = buffered(of('a', 'b'));
    expect(await events.next()).toEqual({ done: false, value: 'a' });
    expect(await events.next()).toEqual({ done: false, value: 'b' });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test('that waits is told of the end, and so is each of those that wait with it', async () => {
    const { source, events } = stream();
    const waiting = [events.next(), events.next()];
    source.complete();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });
});

describe('when the stream errs', () => {
  test('what waits is read first, then the error once, then the end', async () => {
    const { source, events, write } = stream();
    write('a');
    source.error(new Error('cut'));
    expect(await events.next()).toEqual({ done: false, value: 'a' });
    await expect(events.next()).rejects.toThrow('cut');
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test('a loop that waits throws', async () => {
    const { source, events } = stream();
    const loop = rest(events);
    source.error(new Error('cut'));
    await expect(loop).rejects.toThrow('cut');
  });

  test('of two reads that wait, the first gets the error, the second the end', async () => {
    const { source, events } = stream();
    const [first, second] = [events.next(), events.next()];
    source.error(new Error('cut'));
    await expect(first).rejects.toThrow('cut');
    expect(await second).toEqual({ done: true, value: undefined });
  });

  test('nothing is left unhandled if nobody reads', async () => {
    const events = buffered(throwError(() => new Error('cut')));
    await new Promise(setImmediate);
    expect(events.waiting).toBe(0);
  });
});

describe('who leaves', () => {
  test('a loop by break has unsubscribed, and what waited is gone without being counted as dropped', async () => {
    const { source, events, write } = stream();
    write('abc');
    for await (const event of events) {
      expect(event).toBe('a');
      break;
    }
    expect(source.observed).toBe(false);
    expect([events.waiting, events.dropped]).toEqual([0, 0]);
    expect(await rest(events)).toEqual([]);
  });

  test('a loop by an error has unsubscribed, too', async () => {
    const { source, events, write } = stream();
    write('a');
    const loop = async (): Promise<void> => {
      for await (const event of events) throw new Error(`no ${event}`);
    };
    await expect(loop()).rejects.toThrow('no a');
    expect(source.observed).toBe(false);
  });

  test('ends the reads that wait', async () => {
    const { source, events } = stream();
    const waiting = events.next();
    expect(await events.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(source.observed).toBe(false);
  });

  test('after the stream has erred never hears of it', async () => {
    const { source, events } = stream();
    source.error(new Error('cut'));
    await events.return();
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
});

describe('several readers of one buffer', () => {
  test('that read at once are served in the order of their calls', async () => {
    const { events, write } = stream();
    const reads = [events.next(), events.next(), events.next()];
    write('abc');
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  });

  test('share the events: each goes to one of two loops', async () => {
    const { source, events, write } = stream();
    const loops = [rest(events), rest(events)];
    await Promise.resolve();
    write('abcdef');
    source.complete();
    const [first = [], second = []] = await Promise.all(loops);
    expect([...first, ...second].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('have a buffer each if each calls buffered', async () => {
    const source = new Subject<number>();
    const [slow, quick] = [buffered(source, { size: 1 }), buffered(source, { size: 2 })];
    source.next(1);
    source.next(2);
    source.complete();
    expect([await rest(slow), await rest(quick)]).toEqual([[2], [1, 2]]);
  });
});

describe('with a key', () => {
  const lower = (text: string): string | undefined => (/[a-z]/i.test(text) ? text.toLowerCase() : undefined);

  test('only the newest of those that wait is kept, at the place of the newest', async () => {
    const { source, events, write } = stream({ key: lower });
    write('abcA');
    expect([events.waiting, events.dropped]).toEqual([3, 1]);
    source.complete();
    expect(await rest(events)).toEqual(['b', 'c', 'A']);
  });

  test('what has been read is not replaced, and events without a key replace none', async () => {
    const { source, events, write } = stream({ key: lower });
    write('a');
    await events.next();
    write('A1212a');
    source.complete();
    expect(await rest(events)).toEqual(['1', '2', '1', '2', 'a']);
    expect(events.dropped).toBe(1);
  });

  test.each([
    { onFull: 'dropOldest', read: ['A', 'c'] },
    { onFull: 'dropNewest', read: ['b', 'A'] },
  ] as const)('a full buffer takes the newer one of a key, and with $onFull loses another', async ({
    onFull,
    read,
  }) => {
    const { source, events, write } = stream({ size: 2, onFull, key: lower });
    write('abAc');
    source.complete();
    expect(await rest(events)).toEqual(read);
    expect(events.dropped).toBe(2);
  });

  test('that throws, the loop throws once it has read what waits, and the stream is left', async () => {
    const key = (text: string): string => {
      if (text === 'x') throw new Error('no key for x');
      return text;
    };
    const { source, events, write } = stream({ key });
    write('abx');
    expect(source.observed).toBe(false);
    expect((await events.next()).value).toBe('a');
    expect((await events.next()).value).toBe('b');
    await expect(events.next()).rejects.toThrow('no key for x');
    expect([events.dropped, events.waiting]).toEqual([1, 0]);
  });

  test('that is no string, the loop throws', async () => {
    const key = (() => 7) as unknown as () => string;
    const { events, write } = stream({ key });
    write('a');
    await expect(rest(events)).rejects.toThrow('key answered 7: expected a string');
  });
});

describe('what cannot be honoured is refused with INVALID_OPTION', () => {
  const job = jobFrom('job', []);
  test.each([
    [job, {}, /buffered was given .*: expected a stream, such as job\.events\$/],
    [undefined, {}, /buffered was given undefined: expected a stream/],
    [of(1), { size: 0 }, /buffered has size = 0: expected a whole number, 1 or more/],
    [of(1), { size: 1.5 }, /size = 1\.5/],
    [of(1), { size: Number.POSITIVE_INFINITY }, /size = Infinity/],
    [of(1), { onFull: 'block' }, /onFull = "block": expected one of "dropOldest", "dropNewest"/],
    [of(1), { key: 'task' }, /key = "task": expected a function/],
    [of(1), { sise: 1 }, /no option "sise". Did you mean "size"\?/],
    [of(1), null, /was given null for its options/],
  ])('%#', (source, options, message) => {
    const call = (): unknown => (buffered as (...given: unknown[]) => unknown)(source, options);
    expect(call).toThrow(message);
    expect(call).toThrow(OptionError);
    expect(call).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

type Step = { readonly write: string | undefined } | 'read' | 'turn';

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ write: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }) }) },
    { weight: 3, arbitrary: fc.constant('read' as const) },
    { weight: 1, arbitrary: fc.constant('turn' as const) },
  ),
  { maxLength: 200 },
);

test('any writer and reader: what is read, dropped and waiting is what was written, in order; nothing of a key is old', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom('dropOldest' as const, 'dropNewest' as const),
      fc.boolean(),
      steps,
      async (size, onFull, hasKey, all: readonly Step[]) => {
        const source = new Subject<{ readonly at: number; readonly key: string | undefined }>();
        const events = buffered(source, { size, onFull, ...(hasKey && { key: ({ key }) => key }) });
        const reads: ReturnType<typeof events.next>[] = [];
        const newest = new Map<string, number>();
        let written = 0;
        for (const step of all) {
          if (step === 'read') reads.push(events.next());
          else if (step === 'turn') await Promise.resolve();
          else {
            if (step.write) newest.set(step.write, written);
            source.next({ at: written++, key: step.write });
          }
          expect(events.waiting).toBeLessThanOrEqual(size);
        }
        source.complete();
        const early = (await Promise.all(reads)).flatMap((read) => (read.done ? [] : [read.value]));
        expect(early.length + events.dropped + events.waiting).toBe(written);
        const late = await rest(events);
        const read = [...early, ...late].map(({ at }) => at);
        expect(read.length + events.dropped).toBe(written);
        expect(read).toEqual([...read].sort((one, other) => one - other));
        if (!hasKey && onFull === 'dropOldest' && late.length > 0) expect(read.at(-1)).toBe(written - 1);
        if (!hasKey) return;
        const keys = late.flatMap(({ key }) => (key === undefined ? [] : [key]));
        expect(new Set(keys).size).toBe(keys.length);
        if (onFull === 'dropOldest')
          for (const { at, key } of late) if (key !== undefined) expect(at).toBe(newest.get(key));
      },
    ),
    { numRuns: 500, ...seeded },
  );
});

describe('a job', () => {
  const many = jobFrom(
    'many',
    Array.from({ length: 100 }, (_, at) => ({ name: `t${at}`, run: () => ({ [`t${at}`]: at }) })),
  );

  test('is not slowed by a reader that never reads, which misses exactly what is dropped', async () => {
    const job = many.start({}, { clock: virtualClock() });
    const all = heard(job);
    const slow = buffered(job.events$, { size: 50 });
    expect((await job).state).toBe('completed');
    const read = await rest(slow);
    expect(read).toEqual(all.slice(-50));
    expect(slow.dropped).toBe(all.length - 50);
  });

  test('goes its way at its times beside a reader that waits an hour with each event', async () => {
    const timesOf = async (hasReader: boolean) => {
      const clock = virtualClock();
      const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));
      const job = jobFrom('steps', [
        { name: 'a', run: () => wait(10) },
        { name: 'b', dependsOn: ['a'], run: () => wait(10) },
        { name: 'c', dependsOn: ['b'], run: () => wait(10) },
      ]).start({}, { clock, jobId: 'one' });
      const all = heard(job);
      const slow = buffered(job.events$, { size: 2 });
      const read: unknown[] = [];
      const reading = (async () => {
        for await (const event of slow) {
          read.push(event);
          await wait(3_600_000);
        }
      })();
      if (!hasReader) await slow.return();
      await clock.runAll();
      await reading;
      return { all, missing: all.length - read.length, dropped: slow.dropped };
    };
    const [beside, alone] = [await timesOf(true), await timesOf(false)];
    expect(beside.all).toEqual(alone.all);
    expect(beside.all.at(-1)?.at).toBe(30);
    expect(beside.dropped).toBe(beside.missing);
    expect(beside.dropped).toBeGreaterThan(5);
  });

  test('by task: a reader who comes late gets the last transition of each', async () => {
    const job = many.start({});
    const latest = buffered(job.events$, {
      key: (event) => (event.type === 'task.transition' ? event.task : undefined),
    });
    await job;
    const read = await rest(latest);
    expect(read).toHaveLength(102);
    expect(read.slice(1, -1).every((event) => 'to' in event && event.to === 'completed')).toBe(true);
  });

  test('the events of an engine end when it has closed', async () => {
    const engine = createEngine();
    const events = buffered(engine.events$);
    await Promise.all([engine.start(many, {}), engine.start(many, {})]);
    await engine.close();
    expect(await rest(events)).toHaveLength(2 * 302);
    expect(events.dropped).toBe(0);
  });
});
