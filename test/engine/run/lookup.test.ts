import { createEngine, memoryJournal, type TaskFunction } from 'tintype';
import { expect, test } from 'vitest';
import type { AnyTaskSpec } from '../../../src/engine/definition/task-spec.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { type Found, LOOKUP } from '../../../src/engine/run/lookup.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { turns } from '../../support/turns.ts';

const looked = (run: TaskFunction, lookup: () => Promise<Found>): TaskFunction =>
  Object.assign(run, { [LOOKUP]: lookup });

/** A lookup that answers when it is told to. */
const asked = () => {
  const answers: ((found: Found) => void)[] = [];
  const lookup = (): Promise<Found> => new Promise((resolve) => answers.push(resolve));
  return { lookup, answers };
};

const later = (lookup: () => Promise<Found>): readonly AnyTaskSpec[] => [
  { name: 'first', run: () => ({ a: 1 }) },
  { name: 'build', dependsOn: ['first'], run: looked(() => ({ b: 'made' }), lookup) },
  { name: 'last', dependsOn: ['build'], run: ({ ctx }) => ({ c: `${ctx.b} here` }) },
];

test('what a lookup finds is the result of the task, before what comes after it begins', async () => {
  const { lookup, answers } = asked();
  const job = jobFrom('found', later(lookup), {}).start({}, { journal: memoryJournal() });
  await turns(20);
  expect([job.state, job.task('build').state, answers.length]).toEqual(['running', 'unscheduled', 1]);
  answers[0]?.({ output: { b: 'kept' } });
  const { state, ctx, tasks } = await job;
  expect([state, ctx]).toEqual(['completed', { a: 1, b: 'kept', c: 'kept here' }]);
  expect(tasks.build).toMatchObject({ state: 'completed', attempts: 0, reason: 'upToDate' });
});

test('a task that nothing is found of runs, by the function that was found for it', async () => {
  const run: TaskFunction = () => ({ b: 'found' });
  const { ctx } = await jobFrom(
    'run',
    later(async () => ({ run })),
    {},
  ).start();
  expect(ctx).toMatchObject({ b: 'found', c: 'found here' });
});

test('a task whose lookup fails runs', async () => {
  const { ctx } = await jobFrom(
    'run',
    later(() => Promise.reject(new Error('no disk'))),
    {},
  ).start();
  expect(ctx).toMatchObject({ b: 'made', c: 'made here' });
});

test('a cancelled job ends when the lookup has, and takes nothing of it', async () => {
  const { lookup, answers } = asked();
  const job = jobFrom('cancelled', later(lookup), {}).start();
  await turns(20);
  job.cancel('enough');
  await turns(20);
  expect(job.state).not.toBe('cancelled');
  answers[0]?.({ output: { b: 'kept' } });
  const { state, ctx, tasks } = await job;
  expect([state, ctx, tasks.build?.state]).toEqual(['cancelled', { a: 1 }, 'unscheduled']);
});

test('a task that is removed while it is looked up is gone, and the job ends', async () => {
  const { lookup, answers } = asked();
  const job = jobFrom('removed', later(lookup).slice(0, 2), {}).start();
  await turns(20);
  job.removeTask('build');
  answers[0]?.({ output: { b: 'kept' } });
  const { state, ctx } = await job;
  expect([state, ctx]).toEqual(['completed', { a: 1 }]);
});

test('a job whose process died during a lookup looks again', async () => {
  const journal = memoryJournal();
  const first = asked();
  const dying = mortal(journal);
  const definition = (lookup: () => Promise<Found>) => jobFrom('died', later(lookup), {});
  definition(first.lookup).start({}, { journal: dying.journal, jobId: 'one' });
  await turns(30);
  expect(first.answers).toHaveLength(1);
  dying.die();
  const engine = createEngine({ journal, definitions: [definition(async () => ({ output: { b: 'kept' } }))] });
  const { job } = await engine.resume('one');
  const { state, ctx } = await job;
  expect([state, ctx]).toEqual(['completed', { a: 1, b: 'kept', c: 'kept here' }]);
});
