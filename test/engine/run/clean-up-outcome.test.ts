import { describe, expect, test } from 'vitest';
import { type JobOutcome, jobFrom, notReady, type StartOptions } from '../../../src/index.ts';
import { virtualClock } from '../../../src/testing.ts';

const stuck = () => new Promise<never>(() => {});

/** What a clean-up task learns of a job whose other task does this, in its condition and in its function. */
const outcomesOf = async (
  work: () => unknown,
  options: StartOptions & { continueOnFailure?: boolean; cancel?: boolean } = {},
): Promise<readonly JobOutcome[]> => {
  const { continueOnFailure, cancel, ...start } = options;
  const clock = virtualClock();
  const seen: JobOutcome[] = [];
  const job = jobFrom('j', [
    { name: 'work', run: work, continueOnFailure },
    {
      name: 'tidy',
      dependsOn: ['work'],
      trigger: 'always',
      when: ({ outcome }) => {
        seen.push(outcome);
        return true;
      },
      run: ({ outcome }) => {
        seen.push(outcome);
      },
    },
  ]).start({}, { clock, ...start });
  await clock.advance(1);
  if (cancel) job.cancel('enough');
  await clock.advance(100);
  const { state } = await job;
  expect(seen.map((outcome) => outcome.state)).toEqual([state, state]);
  return seen;
};

describe('the outcome that clean-up sees', () => {
  test('is how the job ends', async () => {
    const fails = () => {
      throw new Error('no flour');
    };
    expect(await outcomesOf(() => {})).toEqual([{ state: 'completed' }, { state: 'completed' }]);
    const [failed] = await outcomesOf(fails, { onFailure: 'continue' });
    expect(failed?.error?.message).toContain('no flour');
    expect((await outcomesOf(fails))[1]).toMatchObject({ state: 'failed', error: { code: 'JOB_FAILED' } });
    expect((await outcomesOf(fails, { continueOnFailure: true }))[0]).toEqual({ state: 'completed' });
    expect((await outcomesOf(() => notReady('no oven')))[0]).toEqual({ state: 'notReady' });
    expect((await outcomesOf(stuck, { timeout: 50 }))[0]).toMatchObject({ error: { code: 'JOB_TIMEOUT' } });
    const [cancelled] = await outcomesOf(stuck, { cancel: true });
    expect(cancelled?.error).toMatchObject({ code: 'JOB_CANCELLED', message: 'Job "j" was cancelled: enough' });
  });

  test('is that of the whole job within a fan-out', async () => {
    const seen: string[] = [];
    const job = jobFrom('j', [
      { name: 'fails', run: () => Promise.reject(new Error('no')) },
      {
        kind: 'map',
        name: 'each',
        dependsOn: ['fails'],
        trigger: 'always',
        over: [1, 2],
        each: ({ outcome }) => {
          seen.push(outcome.state);
        },
      },
    ]).start();
    await job;
    expect(seen).toEqual(['failed', 'failed']);
  });
});
