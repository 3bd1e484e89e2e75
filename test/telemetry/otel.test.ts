import { context, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  ParentBasedSampler,
  type ReadableSpan,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { createEngine, defineJob, type JobEvent, jobFrom, notReady, OptionError, type Trace } from 'tintype';
import { otel } from 'tintype/otel';
import { seededRandom, virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';
import { SETTLED } from '../../src/events/states.ts';
import { play, restlessJob } from '../support/restless-job.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { msOf, spanNamed, spansInMemory, treeOf, withRegistered } from '../support/spans.ts';

const wait = (clock: ReturnType<typeof virtualClock>, ms: number) =>
  new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

/** An engine that is traced into memory, with a clock to turn. */
const traced = (options: Parameters<typeof spansInMemory>[0] & { readonly maxJobSpanMs?: number } = {}) => {
  const { maxJobSpanMs, ...sdk } = options;
  const memory = spansInMemory(sdk);
  const clock = virtualClock(1_000);
  const tracing = otel({ tracerProvider: memory.tracerProvider, maxJobSpanMs });
  const engine = createEngine({ intercept: tracing.intercept, clock, random: seededRandom(1) });
  engine.events$.subscribe(tracing);
  return { ...memory, clock, tracing, engine };
};

describe('the tree of spans', () => {
  test('has a span for the job, one for each task, and one for each attempt, which links to the one before', async () => {
    const { engine, clock, spans } = traced();
    let tries = 0;
    const job = engine.start(
      defineJob('smoothie')
        .task('dice', { maxRetries: 2, retry: { delayMs: 10 } }, async () => {
          await wait(clock, 3);
          if (++tries < 3) throw new TypeError('blunt knife');
          return { pieces: 3 };
        })
        .task('blend', { dependsOn: ['dice'] }, () => wait(clock, 5))
        .seal(),
      {},
      { jobId: 's1' },
    );
    await clock.runAll();
    await job;
    expect(treeOf(spans())).toBe(
      [
        'job smoothie 0–34',
        '  task dice 0–29 [ready 0, retrying 3, ready 13, retrying 16, ready 26]',
        '    attempt 1 0–3 ERROR TASK_FAILED [exception 3]',
        '    attempt 2 13–16 ERROR TASK_FAILED → attempt 1 [exception 16]',
        '    attempt 3 26–29 → attempt 2',
        '  task blend 29–34 [ready 29]',
        '    attempt 1 29–34',
      ].join('\n'),
    );
    expect(spanNamed(spans(), 'job smoothie').attributes).toEqual({
      'tintype.job.id': 's1',
      'tintype.job.name': 'smoothie',
      'tintype.job.state': 'completed',
    });
    expect(spanNamed(spans(), 'attempt 2 of dice')).toMatchObject({
      attributes: {
        'tintype.job.id': 's1',
        'tintype.job.name': 'smoothie',
        'tintype.task.name': 'dice',
        'tintype.attempt': 2,
        'tintype.queue_wait_ms': 0,
        'tintype.task.state': 'retrying',
        'error.type': 'TASK_FAILED',
      },
      events: [
        {
          attributes: {
            'exception.type': 'TypeError',
            'exception.message': 'blunt knife',
            'exception.stacktrace': expect.stringContaining('otel.test.ts'),
          },
        },
      ],
    });
  });

  test('of a job of four tasks has nine', async () => {
    const { engine, spans } = traced();
    const job = engine.start(
      defineJob('smoothie')
        .task('diceBanana', () => ({ banana: ['slice', 'slice', 'slice'] }))
        .task('diceMango', () => ({ mango: ['cube', 'cube'] }))
        .task('blend', { dependsOn: ['diceBanana', 'diceMango'] }, ({ ctx }) => ({
          smoothie: [...ctx.banana, ...ctx.mango].length,
        }))
        .task('garnish', { dependsOn: ['blend'] }, ({ deps }) => ({ served: deps.blend.smoothie }))
        .seal(),
    );
    let events = 0;
    job.events$.subscribe(() => events++);
    await job;
    expect(events).toBe(14);
    expect(treeOf(spans())).toBe(
      [
        'job smoothie 0–0',
        '  task diceBanana 0–0 [ready 0]',
        '    attempt 1 0–0',
        '  task diceMango 0–0 [ready 0]',
        '    attempt 1 0–0',
        '  task blend 0–0 [ready 0]',
        '    attempt 1 0–0',
        '  task garnish 0–0 [ready 0]',
        '    attempt 1 0–0',
      ].join('\n'),
    );
  });

  test('nests the tasks of nested jobs and the instances of fan-outs in the attempt around them', async () => {
    const { engine, clock, spans } = traced();
    const sauce = jobFrom('sauce', [{ name: 'stir', run: () => wait(clock, 4) }]);
    const job = engine.start(
      defineJob('dinner')
        .job('sauce', {}, sauce)
        .map('fry', { dependsOn: ['sauce'], over: () => ['egg', 'leek'], concurrency: 1 }, () => wait(clock, 2))
        .seal(),
    );
    await clock.runAll();
    await job;
    expect(treeOf(spans())).toBe(
      [
        'job dinner 0–8',
        '  task sauce 0–4 [ready 0]',
        '    attempt 1 0–4',
        '      task sauce/stir 0–4 [ready 0]',
        '        attempt 1 0–4',
        '  task fry 4–8 [ready 4]',
        '    attempt 1 4–8',
        '      task fry[] 4–6 [ready 4]',
        '        attempt 1 4–6',
        '      task fry[] 4–8 [ready 4]',
        '        attempt 1 6–8',
      ].join('\n'),
    );
    expect(
      spans()
        .filter(({ name }) => name === 'task fry[]')
        .map(({ attributes }) => attributes['tintype.task.name']),
    ).toEqual(['fry[0]', 'fry[1]']);
    expect(
      spans()
        .map(({ attributes }) => attributes['tintype.queue_wait_ms'])
        .filter(Boolean),
    ).toEqual([2]);
  });

  test('shows polls and pauses as waits, and claims with their workers', async () => {
    const { engine, clock, spans } = traced();
    let looks = 0;
    const job = engine.start(
      defineJob('order')
        .sensor('stock', { interval: 10 }, () => (++looks === 2 ? { stock: 7 } : notReady('sold out')))
        .external('pack', { dependsOn: ['stock'], owner: 'cook' })
        .seal(),
    );
    await clock.advance(10);
    const pack = job.task('pack');
    await clock.advance(5);
    const token = pack.claim('anna');
    await clock.advance(1);
    await pack.release(token);
    await clock.advance(1);
    pack.claim('ben');
    await clock.advance(2);
    pack.pause();
    await clock.advance(3);
    pack.resume();
    await clock.advance(4);
    await pack.complete({});
    await clock.runAll();
    await job;
    expect(treeOf(spans())).toBe(
      [
        'job order 0–26',
        '  task stock 0–10 [ready 0, polling 0, ready 10]',
        '    attempt 1 0–0',
        '    attempt 1 10–10 → attempt 1',
        '  task pack 10–26 [ready 10, ready 16, paused 19, running 22]',
        '    attempt 1 15–16',
        '    attempt 2 17–26 → attempt 1',
      ].join('\n'),
    );
    const [task, first, second] = spans().slice(-3);
    expect(task?.attributes).toMatchObject({ 'tintype.owner': 'cook', 'tintype.task.state': 'completed' });
    expect(first?.attributes).toMatchObject({ 'tintype.worker': 'anna', 'tintype.queue_wait_ms': 5 });
    expect(second?.attributes).toMatchObject({ 'tintype.worker': 'ben', 'tintype.queue_wait_ms': 1 });
    expect(task?.events[1]?.attributes).toEqual({ 'tintype.reason': 'released' });
  });

  test('has an error where a task failed; a failure that is tolerated is one of the attempt alone', async () => {
    const { engine, spans } = traced();
    const fail = () => {
      throw new Error('no van');
    };
    await engine.start(
      defineJob('order')
        .task('gift', { continueOnFailure: true }, fail)
        .task('ship', { dependsOn: ['gift'] }, fail)
        .task('bill', { dependsOn: ['ship'] }, fail)
        .seal(),
    );
    expect(treeOf(spans())).toBe(
      [
        'job order 0–0 ERROR JOB_FAILED',
        '  task gift 0–0 OK [ready 0]',
        '    attempt 1 0–0 ERROR TASK_FAILED [exception 0]',
        '  task ship 0–0 ERROR TASK_FAILED [ready 0]',
        '    attempt 1 0–0 ERROR TASK_FAILED [exception 0]',
      ].join('\n'),
    );
  });

  test('ends whatever is open when the job is cancelled', async () => {
    const { engine, clock, spans, begun } = traced();
    const sauce = jobFrom('sauce', [{ name: 'stir', run: () => wait(clock, 100) }]);
    const job = engine.start(
      defineJob('dinner')
        .job('sauce', {}, sauce)
        .task('soup', { maxRetries: 1, retry: { delayMs: 50 } }, () => Promise.reject(new Error('too hot')))
        .external('table', {})
        .task('eat', { dependsOn: ['sauce', 'soup', 'table'] }, () => {})
        .seal(),
      {},
      { graceMs: 5 },
    );
    await clock.advance(10);
    job.task('table').claim('anna');
    void job.cancel('rain');
    await clock.runAll();
    await job;
    expect(treeOf(spans())).toBe(
      [
        'job dinner 0–15',
        '  task sauce 0–15 [ready 0]',
        '    attempt 1 0–15',
        '      task sauce/stir 0–15 [ready 0]',
        '        attempt 1 0–15',
        '  task soup 0–10 [ready 0, retrying 0]',
        '    attempt 1 0–0 ERROR TASK_FAILED [exception 0]',
        '  task table 0–10 [ready 0]',
        '    attempt 1 10–10',
      ].join('\n'),
    );
    expect(spanNamed(spans(), 'job dinner').attributes).toMatchObject({
      'tintype.job.state': 'cancelled',
      'tintype.reason': 'rain',
    });
    expect(begun().every(({ ended }) => ended)).toBe(true);
  });
});

test('a job whose events arrive twice is traced once', async () => {
  const { engine, spans, tracing, complaints } = traced();
  engine.events$.subscribe(tracing);
  await engine.start(
    jobFrom('glance', [
      {
        name: 'look',
        maxRetries: 1,
        retry: { delayMs: 0 },
        run: ({ attempt }) => {
          if (attempt === 1) throw new Error('dark');
        },
      },
    ]),
  );
  expect(treeOf(spans())).toBe(
    [
      'job glance 0–0',
      '  task look 0–0 [ready 0, retrying 0, ready 0]',
      '    attempt 1 0–0 ERROR TASK_FAILED [exception 0]',
      '    attempt 2 0–0 → attempt 1',
    ].join('\n'),
  );
  expect(complaints()).toEqual([]);
});

test('spans of task code are children of their attempt, across awaits', async () => {
  const { engine, clock, spans, tracer } = traced();
  const query = async (): Promise<void> => {
    await wait(clock, 2);
    await tracer.startActiveSpan('query', { startTime: [1, 0] }, async (span) => {
      await wait(clock, 2);
      span.end([2, 0]);
    });
  };
  const job = engine.start(
    jobFrom('report', [
      { name: 'left', run: query },
      { name: 'right', run: query },
    ]),
  );
  await clock.runAll();
  await job;
  const parents = spans()
    .filter(({ name }) => name === 'query')
    .map(({ parentSpanContext }) => spans().find((span) => span.spanContext().spanId === parentSpanContext?.spanId))
    .map((parent) => `${parent?.name} of ${parent?.attributes['tintype.task.name']}`);
  expect(parents.sort()).toEqual(['attempt 1 of left', 'attempt 1 of right']);
});

test('a command of a workflow file reads the place of its attempt in TRACEPARENT', async () => {
  const { spans, tracerProvider } = spansInMemory();
  const tracing = otel({ tracerProvider });
  const { result } = await runWorkflow(
    `
tasks:
  - { name: first, type: bash, output: text, command: 'echo "$TRACEPARENT"' }
  - { name: each, type: bash, map: { over: [1, 2] }, output: text, command: 'echo "$TRACEPARENT"' }
`,
    { start: { intercept: tracing.intercept }, on: tracing.next },
  );
  const placeOf = (task: string): string => {
    const { traceId, spanId } = spanNamed(spans(), `attempt 1 of ${task}`).spanContext();
    return `00-${traceId}-${spanId}-01`;
  };
  expect(result.ctx).toMatchObject({ first: placeOf('first'), each: [placeOf('each[0]'), placeOf('each[1]')] });
});

describe('the trace of a job', () => {
  const glance = (seen: (Trace | undefined)[]) =>
    jobFrom('glance', [{ name: 'look', run: ({ trace }) => void seen.push(trace) }]);
  const PARENT = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'shop=7' };

  test('continues what is current at its start', async () => {
    const { engine, spans, tracer } = traced();
    await tracer.startActiveSpan('request', async (span) => {
      await engine.start(glance([]));
      span.end();
    });
    const request = spanNamed(spans(), 'request');
    expect(spanNamed(spans(), 'job glance').parentSpanContext).toMatchObject({ spanId: request.spanContext().spanId });
  });

  test('continues the one that the start is given, unless a span of that is current, which is nearer', async () => {
    const { engine, spans, tracer } = traced();
    const seen: (Trace | undefined)[] = [];
    await tracer.startActiveSpan('elsewhere', (span) => {
      span.end();
      return engine.start(glance(seen), {}, { trace: PARENT });
    });
    const job = spanNamed(spans(), 'job glance');
    expect(job.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(job.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true });
    const attempt = spanNamed(spans(), 'attempt 1 of look');
    expect(seen).toEqual([
      { traceparent: `00-0af7651916cd43dd8448eb211c80319c-${attempt.spanContext().spanId}-01`, tracestate: 'shop=7' },
    ]);
    const remote = trace.setSpanContext(context.active(), job.parentSpanContext as never);
    await tracer.startActiveSpan('request', {}, remote, async (span) => {
      await engine.start(jobFrom('again', [{ name: 'look', run: () => {} }]), {}, { trace: PARENT });
      span.end();
    });
    const request = spanNamed(spans(), 'request');
    expect(spanNamed(spans(), 'job again').parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  });

  test('that is not sampled has no span, and passes that on to its functions', async () => {
    const { engine, spans, tracer, tracing } = traced({
      sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    });
    const seen: (Trace | undefined)[] = [];
    const inside: string[] = [];
    const job = engine.start(
      jobFrom('glance', [
        {
          name: 'look',
          run: async ({ trace: own, jobId }) => {
            seen.push(own, tracing.intercept.attempt?.(jobId, 'look'));
            await null;
            tracer.startActiveSpan('query', (span) => inside.push(span.spanContext().traceId));
          },
        },
      ]),
    );
    await job;
    expect(spans()).toEqual([]);
    expect(seen).toEqual([{ traceparent: expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/) }, undefined]);
    expect(inside).toEqual([seen[0]?.traceparent.split('-')[1]]);
  });

  test('is sampled whole or not at all', async () => {
    const { engine, spans } = traced({ sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.5) }) });
    for (let n = 0; n < 40; n++) await engine.start(jobFrom('glance', [{ name: 'look', run: () => {} }]));
    const jobs = spans().filter(({ name }) => name === 'job glance');
    expect(jobs.length).toBeGreaterThan(0);
    expect(jobs.length).toBeLessThan(40);
    expect(spans().length).toBe(3 * jobs.length);
  });

  test('is that of the registered provider by default; without one, there is none', async () => {
    const { spans, tracerProvider } = spansInMemory();
    const seen: (Trace | undefined)[] = [];
    const run = async (): Promise<void> => {
      const tracing = otel();
      const job = glance(seen).start({}, { intercept: tracing.intercept });
      job.events$.subscribe(tracing);
      await job;
    };
    await run();
    expect([seen, spans()]).toEqual([[undefined], []]);
    await withRegistered(tracerProvider, run);
    expect(spans().map(({ name }) => name)).toEqual(['job glance', 'task look', 'attempt 1']);
  });

  test('ends at once, with a warning, if the tracing is not subscribed to the events', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { spans, tracerProvider } = spansInMemory();
    const { intercept } = otel({ tracerProvider });
    await glance([]).start({}, { jobId: 'g1', intercept });
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'The job "g1" is not traced, since the tracing hears nothing of it. Subscribe it: engine.events$.subscribe(tracing).',
    ]);
    expect(spans().map(({ name }) => name)).toEqual(['job glance']);
    warn.mockRestore();
  });
});

test.each([
  [{ tracerProvider: {} }, 'tracerProvider'],
  [{ maxJobSpanMs: 0 }, 'maxJobSpanMs'],
  [{ provider: {} }, 'provider'],
])('%o is refused', (options, name) => {
  expect(() => otel(options as never)).toThrow(OptionError);
  expect(() => otel(options as never)).toThrow(name);
});

describe('random jobs', () => {
  /** `FC_SEED=… npx vitest run test/telemetry/otel.test.ts` plays a failed run again. */
  const { FC_SEED } = process.env;

  test('have a span for each attempt and each task, which all end, and whose parents there are', async () => {
    const memory = spansInMemory();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(restlessJob(), fc.constantFrom(20, Number.POSITIVE_INFINITY), async (spec, maxJobSpanMs) => {
        const from = memory.begun().length;
        const tracing = otel({ tracerProvider: memory.tracerProvider, maxJobSpanMs });
        let heard = 0;
        const options = { ...spec.options, jobId: `random-${count++}`, intercept: tracing.intercept };
        // A retry of the whole job is another one, whose events nobody follows here.
        const meddling = spec.meddling.filter(({ deed }) => deed !== 'retry all');
        const { events, result } = await play({ ...spec, options, meddling }, (_job, known) => {
          for (; heard < known.length; heard++) tracing.next(known[heard] as JobEvent);
        });
        const spans = memory.begun().slice(from);
        const named = (name: string) => spans.filter((span) => span.name.startsWith(name));
        const moves = events.flatMap((event) => (event.type === 'task.transition' ? [event] : []));
        const ids = new Set(spans.map((span) => span.spanContext().spanId));
        const [job] = spans as [ReadableSpan];

        expect(memory.complaints()).toEqual([]);
        expect(spans.filter(({ ended }) => !ended).map(({ name }) => name)).toEqual([]);
        expect(spans.slice(1).filter(({ parentSpanContext: parent }) => !ids.has(parent?.spanId ?? ''))).toEqual([]);
        expect(job.parentSpanContext).toBeUndefined();
        expect(named('attempt').length).toBe(
          moves.filter(({ from, to }) => from === 'ready' && to === 'running').length,
        );
        expect(named('task').length).toBe(
          moves.filter(({ from, to }) => to === 'ready' && (from === 'unscheduled' || SETTLED.has(from))).length,
        );
        const [first, ...parts] = named('job');
        expect(first?.attributes['tintype.job.state']).toBe(parts.length === 0 ? result.state : 'running');
        expect(parts.every(({ links }) => links.length === 1)).toBe(true);
        if (maxJobSpanMs > 20) expect(parts).toEqual([]);
        // Each attempt is inside its task, and begins when the one before it is over.
        for (const task of named('task')) {
          const attempts = named('attempt').filter(
            ({ parentSpanContext: { spanId } = {} }) => spanId === task.spanContext().spanId,
          );
          for (const [index, attempt] of attempts.entries()) {
            expect(msOf(attempt.startTime)).toBeGreaterThanOrEqual(
              msOf(attempts[index - 1]?.endTime ?? task.startTime),
            );
            expect(msOf(attempt.endTime)).toBeLessThanOrEqual(msOf(task.endTime));
            if (index > 0)
              expect(attempt.links.map(({ context: { spanId } }) => spanId)).toEqual([
                attempts[index - 1]?.spanContext().spanId,
              ]);
          }
        }
      }),
      { numRuns: 150, ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }) },
    );
  });
});
