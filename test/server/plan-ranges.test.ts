import { afterEach, expect, test } from 'vitest';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { Server } from '../../src/server/create-server.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { pathOf, tableOf } from '../../src/wire/job-table.ts';
import { listen } from '../support/event-stream.ts';
import { testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

type Ranges = { seq: number; epoch: string; runs: [number, number][]; keeps: [number, number][] };

/** A job of so many tasks after one and before another, of which each seventh fails, and one beside them. */
const wide = (count: number) => {
  const names = Array.from({ length: count }, (_, at) => `w${at}`);
  const run = () => ({});
  const fails = () => {
    throw new Error('no');
  };
  return jobFrom('wide', [
    { name: 'get', run },
    ...names.map((name, at) => ({ name, dependsOn: ['get'], run: at % 7 === 0 ? fails : run })),
    { name: 'end', dependsOn: names, run },
    { name: 'beside', run },
  ]);
};

const ended = async (count: number) => {
  const { server, call } = await testServer({ definitions: [wide(count)] });
  servers.push(server);
  await call('POST', '/jobs', { body: { definition: 'wide', jobId: 'j', options: { onFailure: 'continue' } } });
  await call('GET', '/jobs/j/result?waitMs=20000');
  return { server, call };
};

test.each([
  'retry',
  'rerun',
])('the plan of a large %s can be had as ranges of indices: the same tasks as its paths', async (verb) => {
  const { call } = await ended(1_200);
  const ask = async (body: object) => (await call('POST', `/jobs/j/${verb}`, { body: { dryRun: true, ...body } })).body;
  const paths = (await ask(verb === 'rerun' ? { from: ['get'] } : { tasks: ['get'] })) as {
    runs: string[];
    keeps: string[];
  };
  const ranges = (await ask(
    verb === 'rerun' ? { from: ['get'], ranges: true } : { tasks: ['get'], ranges: true },
  )) as Ranges;
  const columns = (await call('GET', '/jobs/j/view')).body as JobColumns;
  expect(ranges).toMatchObject({ seq: columns.seq, epoch: columns.epoch });
  const table = tableOf(columns);
  const pathsIn = (of: [number, number][]): string[] =>
    of.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => pathOf(table, first + at)));
  expect(paths.runs.length).toBeGreaterThan(1_000);
  expect(pathsIn(ranges.runs).sort()).toEqual([...paths.runs].sort());
  expect(pathsIn(ranges.keeps)).toEqual(['beside']);
  expect(ranges.runs.length).toBeLessThan(5);
});

test('a small plan is paths, whatever is asked', async () => {
  const { call } = await ended(10);
  const { body } = await call('POST', '/jobs/j/retry', { body: { dryRun: true, ranges: true } });
  expect((body as { runs: string[] }).runs).toContain('w7');
});

test('a command answers the seq from which its effect is seen', async () => {
  const definition = jobFrom('wait', [
    { name: 'a', kind: 'external' },
    { name: 'b', kind: 'external' },
  ]);
  const { server, call } = await testServer({ definitions: [definition] });
  servers.push(server);
  await call('POST', '/jobs', { body: { definition: 'wait', jobId: 'j' } });
  await turns();
  const seen: { readonly [verb: string]: number } = {
    paused: ((await call('POST', '/jobs/j/pause')).body as { lastSeq: number }).lastSeq,
    running: ((await call('POST', '/jobs/j/resume')).body as { lastSeq: number }).lastSeq,
  };
  const units = ((await call('GET', '/units')).body as { items: { id: string }[] }).items;
  const { body } = await call('POST', `/units/${units[0]?.id}/commands`, { body: { type: 'success', output: {} } });
  const { seq } = body as { seq: number };
  const cancelled = ((await call('POST', '/jobs/j/cancel')).body as { lastSeq: number }).lastSeq;
  await call('GET', '/jobs/j/result?waitMs=5000');
  const frames = await (await listen(server, '/jobs/j/patches')).rest();
  const idOf = (type: string, part: object): number =>
    frames.find((frame) => frame.type === type && isLike(frame.data, part))?.id as number;
  expect(idOf('job', { to: 'paused' })).toBeLessThanOrEqual(seen.paused as number);
  expect(idOf('job', { from: 'paused' })).toBeLessThanOrEqual(seen.running as number);
  expect(seen.running).toBeLessThan(seq);
  const { items } = (await call('GET', '/jobs/j/events?limit=100')).body as {
    items: { seq: number; to: string; task?: string }[];
  };
  const done = items.find(({ to, task }) => task !== undefined && to === 'completed')?.seq as number;
  expect(done).toBeLessThanOrEqual(seq);
  expect(items.find(({ to, task }) => task === undefined && to === 'cancelled')?.seq).toBeLessThanOrEqual(cancelled);
});

const isLike = (data: unknown, part: object): boolean =>
  Object.entries(part).every(([key, value]) => (data as Record<string, unknown>)[key] === value);
