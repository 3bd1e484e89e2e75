import { createEngine, defineJob, memoryJournal } from 'tintype';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

describe('fake timers of a test runner', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const stubborn = defineJob('etl')
    .task('extract', { maxRetries: 2, retry: { backoff: 'fixed', delayMs: 400 } }, ({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
      return { rows: 1 };
    })
    .task('load', { dependsOn: ['extract'] }, () => ({ loaded: true }))
    .seal();

  test.each([
    ['without', undefined],
    ['with', memoryJournal()],
  ])('move a job %s a journal, in small steps', async (_, journal) => {
    const job = createEngine({ journal }).start(stubborn, {}, { timeout: 2_000 });
    for (let step = 0; step < 39; step++) await vi.advanceTimersByTimeAsync(10);
    expect(job.task('extract').state).toBe('retrying');
    for (let step = 0; step < 100; step++) await vi.advanceTimersByTimeAsync(10);
    expect(job.state).toBe('completed');
  });
});
