import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BasicTracerProvider, BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { createEngine, defineJob, type Job, type Journal, memoryJournal, notReady } from 'tintype';
import { otel } from 'tintype/otel';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { expect, test, vi } from 'vitest';
import { mortal } from '../support/mortal-journal.ts';
import { otlpReceiver } from '../support/otlp-receiver.ts';
import { spansInMemory, treeOf } from '../support/spans.ts';
import { newFile, opened } from '../support/sqlite-files.ts';
import { turns } from '../support/turns.ts';

const hang = (): Promise<never> => new Promise(() => {});

const order = defineJob('order')
  .task('read', () => ({ rows: 3 }))
  .job(
    'ship',
    { dependsOn: ['read'] },
    defineJob('shipping')
      .external('pack')
      .task('label', () => {})
      .seal(),
  )
  .task('bill', { dependsOn: ['read'] }, ({ attempt }) => (attempt === 1 ? hang() : undefined))
  .seal();

/** An engine as a process has it: with tracing of its own. */
const processWith = (
  journal: Journal,
  memory: Pick<ReturnType<typeof spansInMemory>, 'tracerProvider'>,
  { clock = virtualClock(1_000), maxJobSpanMs }: { readonly clock?: VirtualClock; readonly maxJobSpanMs?: number } = {},
) => {
  const tracing = otel({ tracerProvider: memory.tracerProvider, maxJobSpanMs });
  const engine = createEngine({ journal, clock, intercept: tracing.intercept, definitions: [order] });
  engine.events$.subscribe(tracing);
  return { engine, clock };
};

const linksOf = (span: ReadableSpan | undefined) => span?.links.map(({ context }) => context.spanId);

test('a job whose process died goes on in the same trace, in a span that links to the one that was lost', async () => {
  const memory = spansInMemory();
  const journal = opened(newFile());
  const dying = mortal(journal);
  const first = processWith(dying.journal, memory);
  const job = first.engine.start(order, {}, { jobId: 'o1' });
  await vi.waitUntil(() => job.task('bill').state === 'running' && job.task('ship/pack').state === 'ready');
  job.task('ship/pack').claim('anna');
  await job.saved();
  await turns();
  dying.die();
  const lost = memory.begun().length;
  expect(memory.spans().map(({ name }) => name)).toEqual(['task read', 'attempt 1', 'task ship/label', 'attempt 1']);

  const clock = virtualClock(5_000);
  const second = processWith(journal, memory, { clock });
  const { resumed } = await second.engine.recover();
  await vi.waitUntil(() => resumed[0]?.task('bill').state === 'completed');
  await clock.advance(100);
  await resumed[0]?.task('ship/pack').complete({});
  expect((await resumed[0])?.state).toBe('completed');

  const begun = memory.begun();
  expect(new Set(begun.map((span) => span.spanContext().traceId)).size).toBe(1);
  const [before, after] = begun.filter(({ name }) => name === 'job order') as [ReadableSpan, ReadableSpan];
  expect(linksOf(after)).toEqual([before.spanContext().spanId]);
  expect(after.parentSpanContext?.spanId).toBe(before.spanContext().spanId);
  expect(after.attributes).toMatchObject({ 'tintype.resumption': 1, 'tintype.job.state': 'completed' });
  expect(treeOf(begun.slice(lost), 5_000)).toBe(
    [
      'job order 0–100 → a span elsewhere',
      '  task bill 0–0 [retrying 0, ready 0]',
      '    attempt 2 0–0',
      '  task ship 0–100',
      '    attempt 1 0–100',
      '      task ship/pack 0–100',
      '        attempt 1 0–100',
    ].join('\n'),
  );
});

test('a job that is handed off, and later tried again, is one trace of linked spans', async () => {
  const memory = spansInMemory();
  const journal = opened(newFile());
  let vans = 0;
  const definition = defineJob('order')
    .external('approve')
    .task('ship', { dependsOn: ['approve'] }, () => {
      if (vans === 0) throw new Error('no van');
    })
    .seal();
  const engineOf = () => {
    const tracing = otel({ tracerProvider: memory.tracerProvider });
    const engine = createEngine({
      journal,
      clock: virtualClock(1_000),
      intercept: tracing.intercept,
      definitions: [definition],
    });
    engine.events$.subscribe(tracing);
    return engine;
  };
  const first = engineOf();
  const job = first.start(definition, {}, { jobId: 'o1' });
  await vi.waitUntil(() => job.task('approve').state === 'ready');
  await first.close();
  expect(memory.begun().every(({ ended }) => ended)).toBe(true);

  const second = engineOf();
  const { resumed } = await second.recover();
  await resumed[0]?.task('approve').complete({});
  expect((await resumed[0])?.state).toBe('failed');
  vans = 1;
  const { job: again } = await second.retry('o1');
  expect((await again).state).toBe('completed');

  const jobs = memory.spans().filter(({ name }) => name === 'job order');
  expect(jobs.map(({ attributes }) => [attributes['tintype.resumption'], attributes['tintype.job.state']])).toEqual([
    [undefined, 'cancelled'],
    [1, 'failed'],
    [2, 'completed'],
  ]);
  expect(jobs.slice(1).map(linksOf)).toEqual(jobs.slice(0, 2).map((span) => [span.spanContext().spanId]));
  expect(new Set(memory.begun().map((span) => span.spanContext().traceId)).size).toBe(1);
  expect(memory.begun().every(({ ended }) => ended)).toBe(true);
});

test('the span of a long job ends at the next event of any job after maxJobSpanMs, and goes on in a linked one', async () => {
  const memory = spansInMemory();
  const { engine, clock } = processWith(memoryJournal(), memory, { maxJobSpanMs: 60 });
  const long = engine.start(
    defineJob('migration')
      .external('approve')
      .task('run', { dependsOn: ['approve'] }, () => {})
      .seal(),
  );
  const brief = defineJob('ping')
    .task('look', () => {})
    .seal();
  await clock.advance(50);
  await engine.start(brief);
  await clock.advance(50);
  await engine.start(brief);
  await clock.advance(150);
  await long.task('approve').complete({});
  await long;
  const parts = memory.spans().filter(({ name }) => name === 'job migration');
  expect(treeOf(memory.spans().filter(({ attributes }) => attributes['tintype.job.name'] === 'migration'))).toBe(
    [
      'job migration 0–100',
      '  task approve 0–250 [ready 0]',
      '    attempt 1 250–250',
      '  job migration 100–250 → job migration',
      '  job migration 250–250 → job migration',
      '    task run 250–250 [ready 250]',
      '      attempt 1 250–250',
    ].join('\n'),
  );
  expect(parts.slice(1).map(linksOf)).toEqual(parts.slice(0, 2).map((span) => [span.spanContext().spanId]));
  expect(parts.map(({ attributes }) => [attributes['tintype.job.part'], attributes['tintype.job.state']])).toEqual([
    [undefined, 'running'],
    [2, 'running'],
    [3, 'completed'],
  ]);
});

test('spans arrive at a collector by OTLP over HTTP, with their parents and links', async () => {
  const { url, spans } = await otlpReceiver();
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  const { engine, clock } = processWith(memoryJournal(), { tracerProvider });
  const job = engine.start(
    defineJob('smoothie')
      .task('dice', { maxRetries: 1, retry: { delayMs: 5 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('blunt knife');
      })
      .seal(),
  );
  await clock.runAll();
  await job;
  await tracerProvider.forceFlush();
  await tracerProvider.shutdown();
  const named = (name: string) => spans.find((span) => span.name === name);
  expect(spans.map(({ name }) => name).sort()).toEqual(['attempt 1', 'attempt 2', 'job smoothie', 'task dice']);
  expect(named('task dice')?.parentSpanId).toBe(named('job smoothie')?.spanId);
  expect(named('attempt 2')?.parentSpanId).toBe(named('task dice')?.spanId);
  expect(named('attempt 2')?.links?.map(({ traceId, spanId }) => [traceId, spanId])).toEqual([
    [named('job smoothie')?.traceId, named('attempt 1')?.spanId],
  ]);
});

test('wherever its process dies, a job is one trace whose spans here all end', async () => {
  const dinner = () => {
    let looks = 0;
    return defineJob('dinner')
      .task('shop', { maxRetries: 1, retry: { delayMs: 5 } }, ({ attempt }) => {
        if (attempt === 1) throw new Error('closed');
      })
      .sensor('oven', { interval: 5 }, () => (++looks > 1 ? { hot: true } : notReady('cold')))
      .map('fry', { dependsOn: ['shop'], over: ['egg', 'leek'], concurrency: 1 }, () => {})
      .job(
        'table',
        { dependsOn: ['shop'] },
        defineJob('table')
          .external('set')
          .task('light', () => {})
          .seal(),
      )
      .task('eat', { dependsOn: ['fry', 'oven', 'table'] }, () => {})
      .seal();
  };
  /** Plays the job until it is over or its process is dead. */
  const playedBy = async (job: Job, clock: VirtualClock, isDead: () => boolean): Promise<void> => {
    for (let round = 0; round < 500 && !isDead() && !['completed', 'failed'].includes(job.state); round++) {
      await turns();
      if (job.task('table').state === 'running' && job.task('table/set').state === 'ready')
        void job.task('table/set').complete({});
      await clock.advance(5);
    }
  };
  const memory = spansInMemory();
  let deaths = 0;
  for (let appends = 1; appends < 100; appends++) {
    const from = memory.begun().length;
    const journal = memoryJournal();
    const dying = mortal(journal, { appends });
    const processOf = (store: Journal, clock: VirtualClock) => {
      const tracing = otel({ tracerProvider: memory.tracerProvider });
      const engine = createEngine({ journal: store, clock, intercept: tracing.intercept, definitions: [dinner()] });
      engine.events$.subscribe(tracing);
      return engine;
    };
    const clock = virtualClock(1_000);
    const job = processOf(dying.journal, clock).start(dinner(), {}, { jobId: 'd1' }) as unknown as Job;
    await playedBy(job, clock, () => dying.dead);
    if (!dying.dead) {
      expect(
        memory
          .begun()
          .slice(from)
          .every(({ ended }) => ended),
      ).toBe(true);
      break;
    }
    deaths++;
    const lost = memory.begun().length;
    const later = virtualClock(9_000);
    const { resumed } = await processOf(journal, later).recover();
    const [again] = resumed as unknown as readonly Job[];
    if (!again) throw new Error(`After ${appends} appends there is nothing to resume.`);
    await playedBy(again, later, () => false);
    expect(again.state).toBe('completed');

    const begun = memory.begun().slice(from);
    const ours = memory.begun().slice(lost);
    const ids = new Set(begun.map((span) => span.spanContext().spanId));
    const about = `dead after ${appends} appends:\n${treeOf(ours, 9_000)}`;
    expect(memory.complaints(), about).toEqual([]);
    expect(
      ours.every(({ ended }) => ended),
      about,
    ).toBe(true);
    expect(new Set(begun.map((span) => span.spanContext().traceId)).size, about).toBe(1);
    expect(
      begun.slice(1).every((span) => ids.has(span.parentSpanContext?.spanId ?? '')),
      about,
    ).toBe(true);
    expect(ours.filter(({ name }) => name === 'job dinner').map(linksOf), about).toEqual([
      [begun[0]?.spanContext().spanId],
    ]);
    expect(ours.filter(({ name }) => name === 'attempt').length, about).toBe(0);
  }
  expect(deaths).toBeGreaterThan(5);
});
