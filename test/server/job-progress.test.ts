import { defer, of } from 'rxjs';
import { afterEach, expect, test } from 'vitest';
import type { Job } from '../../src/engine/job.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { JobProgress } from '../../src/engine/views/progress.ts';
import type { Server } from '../../src/server/create-server.ts';
import { progressOfJobs } from '../../src/server/jobs/job-progress.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { tintype } from '../support/cli.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

/** What `progress$` tells at once. */
const told = (job: Job | undefined): JobProgress | undefined => {
  let latest: JobProgress | undefined;
  job?.progress$
    .subscribe((progress) => {
      latest = progress;
    })
    .unsubscribe();
  return latest;
};

type Row = { readonly id: string; readonly progress?: JobProgress };

test('progress$, a job of the API and the list say the same of a running job, as time passes', async () => {
  const clock = virtualClock(1_000);
  const nap = (ms: number) => (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const chain = jobFrom('chain', [
    { name: 'a', estimate: 1_000, run: nap(1_000) },
    { name: 'b', estimate: 3_000, dependsOn: ['a'], run: nap(3_000) },
  ]);
  const { server, call } = await testServer({ clock, definitions: [chain] });
  servers.push(server);
  await call('POST', '/jobs', { body: { definition: 'chain', jobId: 'j' } });
  const seen: (JobProgress | undefined)[] = [];
  for (const ms of [0, 500, 1_500]) {
    await clock.advance(ms);
    const { progress } = (await call('GET', '/jobs/j')).body as Row;
    const { items } = (await call('GET', '/jobs?tasks=true')).body as { readonly items: readonly Row[] };
    expect(progress).toEqual(told(server.engine.job('j')));
    expect(items).toMatchObject([{ id: 'j', progress }]);
    seen.push(progress);
  }
  expect(seen).toEqual([
    { fraction: 0, leftMs: 4_000 },
    { fraction: 0.125, leftMs: 3_500 },
    { fraction: 0.5, leftMs: 2_000 },
  ]);
  expect((await call('GET', '/jobs')).body).toMatchObject({ items: [expect.not.objectContaining({ progress: {} })] });
  await clock.advance(2_000);
  const { items } = (await call('GET', '/jobs?tasks=true')).body as { readonly items: readonly Row[] };
  expect(items[0]?.progress).toBeUndefined();
});

test('tintype show says it too, from the database and from the server', async () => {
  const file = newFile();
  const quarter = jobFrom('quarter', [
    { name: 'a', run: () => {} },
    { name: 'b', run: () => {} },
    {
      name: 'c',
      run: (scope) => {
        scope.progress(0.5);
        return new Promise<void>((_, reject) =>
          scope.signal.addEventListener('abort', () => reject(new Error('over'))),
        );
      },
    },
    { name: 'd', dependsOn: ['c'], run: () => {} },
  ]);
  const journal = opened(file);
  const { server, call } = await testServer({ journal, definitions: [quarter] });
  servers.push(server);
  const { url } = await server.listen({ port: 0 });
  await call('POST', '/jobs', { body: { definition: 'quarter', jobId: 'q' } });
  const job = server.engine.job('q');
  // Nothing is known of how long its tasks take: it does not change with time.
  await expect.poll(() => told(job), { timeout: 10_000 }).toEqual({ fraction: 0.625, leftMs: undefined });
  await job?.saved();
  expect((await call('GET', '/jobs/q')).body).toMatchObject({ progress: { fraction: 0.625 } });
  expect((await tintype(['show', 'q', '--db', file])).stdout).toMatch(/^done +62%$/m);
  expect((await tintype(['show', 'q', '--server', url])).stdout).toMatch(/^done +62%$/m);
  job?.cancel('enough');
});

test('what takes long to compute is kept for 20 times as long, and a list computes 50 ms at most', async () => {
  let now = 0;
  let computed = 0;
  const progress = { fraction: 0.5, leftMs: 1 };
  const slow = (ms: number) => ({
    id: `job ${ms}`,
    progress: (): JobProgress => {
      now += ms;
      computed += 1;
      return progress;
    },
  });
  const jobs = (id: string) =>
    id.startsWith('job') ? ({ progress$: defer(() => of(slow(20).progress())) } as unknown as Job) : undefined;
  const shared = progressOfJobs({ job: jobs }, () => now);
  const timesIn = (ms: number, everyMs: number, found = slow(ms)): number => {
    computed = 0;
    for (const end = now + 10_000; now < end; now += everyMs) shared.of(found);
    return computed;
  };
  expect(timesIn(10, 90)).toBe(100);
  expect(timesIn(100, 10)).toBe(5);
  const ids = ['other', ...Array.from({ length: 9 }, (_, at) => `job ${at}`)];
  expect([...shared.ofRunning(ids)]).toEqual(ids.slice(1, 4).map((id) => [id, progress]));
});
