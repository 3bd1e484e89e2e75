import { defineJob } from 'tintype';
import { expect, test } from 'vitest';

test('what an attempt saves is handed to the next one, as a copy', async () => {
  const seen: unknown[] = [];
  const saved = { at: new Date(5), rows: [1n] };
  const job = defineJob('job')
    .task('copy', { maxRetries: 1 }, async ({ checkpoint, attempt }) => {
      seen.push(checkpoint().last);
      if (attempt === 2) return;
      await checkpoint().save(saved);
      saved.rows.push(2n);
      throw new Error('the disk is slow');
    })
    .start();
  expect((await job).state).toBe('completed');
  expect(seen).toEqual([undefined, { at: new Date(5), rows: [1n] }]);
});

test('what can’t be kept is refused, with its path, and what was saved before stays', async () => {
  const job = defineJob('job')
    .task('copy', async ({ checkpoint }) => {
      await checkpoint().save({ page: 1 });
      const error = await checkpoint()
        .save({ cursor: { next: () => 2 } })
        .catch((thrown) => thrown);
      return { code: error.code, path: error.path, last: checkpoint().last };
    })
    .start();
  expect((await job).ctx).toEqual({ code: 'UNSERIALISABLE_CHECKPOINT', path: 'cursor.next', last: { page: 1 } });
});

test('what can not be kept, and nobody waits for, is told in the log', async () => {
  const job = defineJob('job')
    .task('copy', ({ checkpoint }) => void checkpoint().save(() => 1))
    .start();
  const lines: string[] = [];
  job.events$.subscribe((event) => event.type === 'task.log' && lines.push(`${event.level} ${event.message}`));
  expect((await job).state).toBe('completed');
  expect(lines).toEqual([expect.stringContaining(`warn The checkpoint of task "copy" can't be kept`)]);
});

test('an attempt that is over saves nothing', async () => {
  let late: Promise<unknown> = Promise.resolve();
  const job = defineJob('job')
    .task('copy', ({ checkpoint }) => {
      late = new Promise((resolve) => setImmediate(resolve)).then(() => checkpoint().save(1));
    })
    .start();
  await job;
  await expect(late).rejects.toMatchObject({ code: 'INVALID_STATE' });
});

test('all attempts of a task of a job have one idempotency key, and no other task has it', async () => {
  const keys: string[] = [];
  const job = defineJob('job')
    .task('pay', { maxRetries: 1 }, ({ idempotencyKey, attempt }) => {
      keys.push(idempotencyKey);
      if (attempt === 1) throw new Error('timed out');
    })
    .map('ship', { over: ['a', 'b'] }, ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
    })
    .start({}, { jobId: 'order-7', sequential: true });
  await job;
  expect(keys.sort()).toEqual(['order-7/pay', 'order-7/pay', 'order-7/ship[0]', 'order-7/ship[1]']);
});
