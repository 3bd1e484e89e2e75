import { defineJob } from 'tintype';
import { expect, test } from 'vitest';
import type { JobEvent } from '../../src/events/event.ts';
import { eventProblems } from '../../src/events/event-problems.ts';

const STAMP = { jobId: 'j', jobName: 'n', seq: 0, at: 5 };

const ERROR = { name: 'Error', message: 'm', code: 'C', stack: 's', cause: { name: 'E', message: 'c' } };

const EVENTS: { readonly [Type in JobEvent['type']]: Extract<JobEvent, { readonly type: Type }> } = {
  'job.transition': { ...STAMP, type: 'job.transition', from: 'idle', to: 'running', reason: 'r', error: ERROR },
  'task.transition': {
    ...STAMP,
    type: 'task.transition',
    task: 'a/b[3]',
    from: 'running',
    to: 'retrying',
    attempt: 1,
    reason: 'error',
    error: { ...ERROR, details: { exitCode: 1, signal: null } },
    dueAt: 7.5,
  },
  'task.progress': { ...STAMP, type: 'task.progress', task: 'a', attempt: 1, fraction: 0.5, message: 'half' },
  'task.log': { ...STAMP, type: 'task.log', task: 'a', attempt: 0, level: 'info', message: 'm', data: [1] },
  'task.lateResult': { ...STAMP, type: 'task.lateResult', task: 'a', attempt: 1, outcome: 'failed', earlier: true },
  'task.added': { ...STAMP, type: 'task.added', task: 'a', dependsOn: ['b'], by: 'c' },
  'task.removed': { ...STAMP, type: 'task.removed', task: 'a' },
  'job.resumed': { ...STAMP, type: 'job.resumed', by: 'process 1', changes: ['x'] },
  'context.conflict': { ...STAMP, type: 'context.conflict', key: 'k', tasks: ['a', 'b'], kept: 'b' },
};

/** Fields that a reader does not rely on. */
const FREE = new Set(['data', 'earlier']);

test.each(Object.entries(EVENTS))('%s makes sense, with what a later version adds, and in no other way', (_, event) => {
  expect(eventProblems(event)).toEqual([]);
  expect(eventProblems({ ...event, later: { any: 'thing' } })).toEqual([]);
  for (const field of Object.keys(event).filter((key) => !FREE.has(key))) {
    for (const odd of [null, {}, [null], true, Symbol('odd')])
      expect(eventProblems({ ...event, [field]: odd }), field).toEqual([expect.objectContaining({ field })]);
  }
});

test.each([
  ['job.transition', { to: 'lost' }],
  ['task.transition', { from: 'toString' }],
  ['task.transition', { attempt: -1 }],
  ['task.transition', { dueAt: '5' }],
  ['task.transition', { error: { name: 'E' } }],
  ['task.log', { level: 'loud' }],
  ['context.conflict', { tasks: ['a'] }],
  ['task.removed', { seq: 0.5 }],
  ['task.removed', { task: undefined }],
] as const)('%s with %j makes none', (type, odd) => {
  expect(eventProblems({ ...EVENTS[type], ...odd })).toEqual([expect.objectContaining({ field: Object.keys(odd)[0] })]);
});

test.each([null, 7, 'event', [], { type: 'toString' }, { type: '__proto__' }, {}])('%j is no event', (value) => {
  expect(eventProblems(value)).toHaveLength(1);
});

test('errors whose causes have no end are none', () => {
  let error: object = { name: 'E', message: 'm' };
  for (let depth = 0; depth < 50_000; depth++) error = { name: 'E', message: 'm', cause: error };
  expect(eventProblems({ ...EVENTS['job.transition'], error })).toMatchObject([{ field: 'error' }]);
});

test('every event that a job publishes makes sense after JSON', async () => {
  const events: JobEvent[] = [];
  const job = defineJob('every')
    .task('a', { maxRetries: 1 }, ({ log, progress, attempt }) => {
      log.warn('careful', { n: 1 });
      progress(0.5, 'half');
      if (attempt === 1) throw new TypeError('once', { cause: 'text' });
    })
    .map('each', { dependsOn: ['a'], over: [1, 2], continueOnFailure: true }, ({ item }) => {
      if (item === 2) throw new Error('two');
    })
    .task('b', { when: () => false }, () => {})
    .start();
  job.events$.subscribe((event) => events.push(event));
  await job;
  expect(events.length).toBeGreaterThan(10);
  for (const event of events) expect(eventProblems(JSON.parse(JSON.stringify(event)))).toEqual([]);
});
