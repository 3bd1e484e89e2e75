import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { defineJob } from 'tintype';
import { type ClaimedUnit, createClient } from 'tintype/client';
import { otel } from 'tintype/otel';
import { defineSchedule } from 'tintype/server';
import { virtualClock } from 'tintype/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { comingFrom, testServer } from '../support/server.ts';
import { spanNamed, spansInMemory } from '../support/spans.ts';
import { unitClient } from '../support/unit-client.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const dinner = defineJob('dinner').external('fry', { owner: 'cook' }).seal();

/** A server whose jobs are traced into memory. */
const tracedServer = async (sdk?: Parameters<typeof spansInMemory>[0]) => {
  const memory = spansInMemory(sdk);
  const tracing = otel({ tracerProvider: memory.tracerProvider });
  const { server, call } = await testServer({ definitions: [dinner], intercept: tracing.intercept });
  server.engine.events$.subscribe(tracing);
  onTestFinished(() => server.close());
  const start = (headers: Readonly<Record<string, string>> = {}, body: object = { definition: 'dinner' }) =>
    call('POST', '/jobs', { body, headers });
  return { ...memory, server, call, start };
};

const placeOf = (span: ReadableSpan): string => {
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
};

describe('a job that is started over HTTP', () => {
  test('belongs to the trace of the request', async () => {
    const { start, begun } = await tracedServer();
    expect((await start({ traceparent: PARENT, tracestate: 'shop=7' })).status).toBe(201);
    const [job] = begun();
    expect(job?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(job?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(job?.spanContext().traceState?.serialize()).toBe('shop=7');
  });

  test('belongs to that of the request which starts its draft', async () => {
    const { start, call, begun } = await tracedServer();
    const document = { name: 'stew', tasks: [{ name: 'cook', units: [{ name: 'stir', owner: 'cook' }] }] };
    const { body } = await start({}, { document, start: false });
    await call('POST', `/jobs/${(body as { id: string }).id}/start`, { headers: { traceparent: PARENT } });
    expect(begun()[0]?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  });

  test.each([
    ['no header', {}],
    ['one that is not valid', { traceparent: '00-0-0-0' }],
    ['a tracestate alone', { tracestate: 'shop=7' }],
  ])('has a trace of its own with %s', async (_what, headers) => {
    const { start, begun } = await tracedServer();
    expect((await start(headers as Readonly<Record<string, string>>)).status).toBe(201);
    expect(begun()[0]?.parentSpanContext).toBeUndefined();
  });
});

test('a job of a schedule belongs to no request, unless that starts it', async () => {
  const memory = spansInMemory();
  const clock = virtualClock(0);
  const tracing = otel({ tracerProvider: memory.tracerProvider });
  const definition = defineJob('report')
    .task('write', () => {})
    .seal();
  const schedules = [defineSchedule({ name: 'hourly', definition, every: 3_600_000 })];
  const { server, call } = await testServer({ clock, schedules, intercept: tracing.intercept });
  server.engine.events$.subscribe(tracing);
  onTestFinished(() => server.close());
  await memory.tracer.startActiveSpan('request', () => clock.advance(3_600_000));
  await call('POST', '/schedules/hourly/trigger', { body: {}, headers: { traceparent: PARENT } });
  const jobs = memory.begun().filter(({ name }) => name === 'job report');
  expect(jobs.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([undefined, 'b7ad6b7169203331']);
});

describe('a unit that is claimed', () => {
  test('has the place of its attempt in the trace, a claim that is repeated too; a list has none', async () => {
    const { start, call, begun } = await tracedServer();
    await start();
    const body = { owners: ['cook'], worker: 'anna' };
    const claim = () => call('POST', '/units/claim', { body, headers: { 'idempotency-key': 'k1' } });
    const first = (await claim()).body as { units: ClaimedUnit[] };
    const attempt = spanNamed(begun(), 'attempt 1 of fry');
    expect(attempt.attributes).toMatchObject({ 'tintype.worker': 'anna' });
    expect(first.units[0]?.traceparent).toBe(placeOf(attempt));
    expect((await claim()).body).toMatchObject({ units: [{ traceparent: placeOf(attempt) }] });
    expect(JSON.stringify((await call('GET', '/units?state=claimed')).body)).not.toContain('traceparent');

    await unitClient(call).send(first.units[0]?.id as string, { type: 'release', token: first.units[0]?.token });
    const again = await call('POST', `/units/${first.units[0]?.id}/claim`, { body: { worker: 'ben' } });
    expect(again.body).toMatchObject({ traceparent: placeOf(spanNamed(begun(), 'attempt 2 of fry')) });
  });

  test('says of a job that is not sampled that it is not, and nothing of one that is not traced', async () => {
    const { start, call } = await tracedServer({ sampler: new AlwaysOffSampler() });
    await start({ traceparent: PARENT });
    const [unit] = (await unitClient(call).claim('cook')) as unknown as ClaimedUnit[];
    expect(unit?.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[\da-f]{16}-00$/);

    const { server, call: callOther } = await testServer({ definitions: [dinner] });
    onTestFinished(() => server.close());
    await callOther('POST', '/jobs', { body: { definition: 'dinner' } });
    expect((await unitClient(callOther).claim('cook'))[0]).not.toHaveProperty('traceparent');
  });

  test('lets a worker put its spans into the attempt', async () => {
    const { start, server, begun } = await tracedServer();
    const client = createClient({
      url: 'http://localhost',
      fetch: async (url, init) => server.fetch(new Request(url, init), comingFrom('127.0.0.1')),
    });
    await start();
    const seen: (string | undefined)[] = [];
    const work = client.work({ owners: ['cook'], handler: ({ traceparent }) => void seen.push(traceparent) });
    await vi.waitUntil(() => spanIsOver(begun(), 'job dinner'), 5000);
    await work.stop();
    expect(seen).toEqual([placeOf(spanNamed(begun(), 'attempt 1 of fry'))]);
  });
});

const spanIsOver = (spans: readonly ReadableSpan[], name: string): boolean =>
  spans.some((span) => span.name === name && span.ended);
