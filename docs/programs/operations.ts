import { defineJob, memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 30)); // time to turn by hand, so that the program ends at once
const takes = (ms: number) => () => new Promise<void>((done) => clock.setTimer(done, ms));

const nightly = defineJob('nightly')
  .task('download', takes(90_000))
  .task('convert', takes(90_000))
  .task('approve', takes(30_000))
  .external('proofread', { owner: 'press' })
  .seal();
const broken = defineJob('broken')
  .task('connect', () => Promise.reject(new Error('connection refused')))
  .seal();

const server = createServer({ journal: memoryJournal(), clock, maxConcurrency: 2, tokens: false });
await server.ready;
const failed = server.engine.start(broken);
server.engine.start(nightly);
await clock.advance(60_000);
await failed;

const ask = async <T>(path: string): Promise<T> => {
  const answer = await server.fetch(new Request(`http://localhost${path}`));
  return (await answer.json()) as T;
};
type List<T> = { readonly items: readonly T[] };

const units = await ask<{ ready: number; oldestReadyMs: number }>('/api/v1/units/stats?owner=press');
console.log(`oldest of ${units.ready} ready units: ready for ${units.oldestReadyMs / 1000} s`);

type Limit = { name: string; taken: number; size: number; next: { task: string; since: number }[] };
for (const { name, taken, size, next } of (await ask<List<Limit>>('/api/v1/limits')).items) {
  for (const { task, since } of next) console.log(`queue wait: ${task}, for ${(clock.now() - since) / 1000} s`);
  console.log(`slots of ${name}: ${taken} of ${size}`);
}

const jobs = await ask<List<{ name: string }>>('/api/v1/jobs?state=failed');
console.log(`failed jobs: ${jobs.items.map(({ name }) => name)}`);

console.log(`journal: ${(await ask<{ state: string }>('/readyz')).state}`);
const closed = server.close({ graceMs: 1000 });
await clock.advance(1000);
await closed;
