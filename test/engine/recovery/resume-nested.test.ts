import { createEngine, jobFrom, memoryJournal } from 'tintype';
import { expect, test, vi } from 'vitest';
import { mortal } from '../../support/mortal-journal.ts';

test('what stopped an earlier attempt of the task around a nested job does not stop it again after a crash', async () => {
  const store = memoryJournal();
  let fails = 1;
  let blocked = true;
  let entered = 0;
  const innermost = jobFrom('innermost', [
    {
      name: 'slow',
      run: ({ signal }) => {
        entered++;
        if (!blocked) return { slow: 1 };
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    },
  ]);
  const inner = jobFrom('inner', [
    { name: 'nest', kind: 'job', definition: innermost },
    {
      name: 'fails',
      run: async () => {
        await vi.waitFor(() => expect(entered).toBeGreaterThan(0));
        if (fails-- > 0) throw new Error('no');
        return {};
      },
    },
  ]);
  const definition = jobFrom('outer', [
    { name: 'o', kind: 'job', definition: inner, maxRetries: 1, retry: { backoff: 'none' } },
  ]);
  const one = mortal(store);
  const job = createEngine({ journal: one.journal }).start(definition, {}, { jobId: 'j' });
  await vi.waitFor(() => expect(entered).toBe(2));
  await job.saved();
  one.die();
  blocked = false;
  const { job: again } = await createEngine({ journal: store, definitions: [definition as never] }).resume('j');
  const { state, ctx } = await again;
  expect(again.task('o/nest').state).toBe('completed'); // found: cancelled (jobCancelled), the job completed without it
  expect([state, ctx]).toEqual(['completed', { o: { nest: { slow: 1 } } }]);
});
