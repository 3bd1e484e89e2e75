import { lastValueFrom, toArray } from 'rxjs';
import { expect, test } from 'vitest';
import { jobFrom, metrics, ofTask, progress, taskTransitions } from '../../src/index.ts';
import { virtualClock } from '../../src/testing.ts';

const begin = () => {
  const clock = virtualClock();
  const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));
  const job = jobFrom('job', [
    {
      name: 'a',
      run: async ({ progress, log }) => {
        await wait(30);
        progress(0.5, 'half');
        log.info('there');
      },
    },
    {
      name: 'b',
      maxRetries: 1,
      timeout: 20,
      continueOnFailure: true,
      run: () => new Promise<void>(() => {}),
    },
    { name: 'c', run: () => Promise.reject(new Error('boom')), continueOnFailure: true },
  ]).start({}, { clock, maxConcurrency: 2 });
  return { clock, job };
};

test('taskTransitions, ofTask and progress each yield what they name', async () => {
  const { clock, job } = begin();
  const transitions = lastValueFrom(job.events$.pipe(taskTransitions(), toArray()));
  const ofA = lastValueFrom(job.events$.pipe(ofTask('a'), toArray()));
  const reported = lastValueFrom(job.events$.pipe(progress(), toArray()));
  await clock.runAll();
  expect((await transitions).every(({ type }) => type === 'task.transition')).toBe(true);
  expect((await ofA).map((event) => ('to' in event ? event.to : event.type))).toEqual([
    'ready',
    'running',
    'task.progress',
    'task.log',
    'completed',
  ]);
  expect(await reported).toMatchObject([{ task: 'a', fraction: 0.5, message: 'half' }]);
});

test('metrics counts states, attempts, retries and timeouts, and sums the times', async () => {
  const { clock, job } = begin();
  const all = lastValueFrom(job.events$.pipe(metrics(), toArray()));
  await clock.runAll();
  const counted = await all;
  expect(counted.at(-1)).toMatchObject({
    tasks: { completed: 1, failed: 2, ready: 0, running: 0, retrying: 0 },
    attempts: 4,
    retries: 1,
    timeouts: 2,
    lateResults: 0,
    conflicts: 0,
    runMs: 30 + 20 + 20,
    waitMs: 30,
  });
  const most = Math.max(...counted.map(({ tasks }) => tasks.running));
  expect(most).toBe(2);
});
