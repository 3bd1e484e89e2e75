import { createEngine, memoryJournal } from 'tintype';
import { expect, onTestFinished, test, vi } from 'vitest';
import { demo } from '../../src/cli/serving/demo.ts';
import { demoJobs } from '../../src/cli/serving/demo-jobs.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

/** So that what takes seconds takes a moment. */
const SPEED = 2_000;

test('the jobs of the demo have all shapes: some fail, one waits for somebody, one has 1,000 tasks', async () => {
  const definitions = demoJobs(seededRandom(7), SPEED);
  const engine = createEngine({ journal: memoryJournal(), definitions });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const job = (name: string) => engine.start(definitions.find((one) => one.name === name) as never);
  const simulation = job('simulation');
  expect(Object.keys((await simulation).tasks)).toHaveLength(1_000);
  expect([simulation.state, (await job('backup')).state]).toEqual(['completed', 'failed']);
  const sales = await job('daily-sales');
  expect(['completed', 'failed']).toContain(sales.state);
  const refund = job('refund');
  await vi.waitFor(() => expect(refund.task('approve' as never).state).toBe('ready'), { timeout: 20_000 });
  await refund.cancel();
});

test('jobs of the demo begin again, until it is stopped', async () => {
  const journal = memoryJournal();
  const shown = demo(seededRandom(7), SPEED);
  const engine = createEngine({ journal, definitions: shown.definitions });
  shown.start(engine);
  const begun = async (name: string) => (await journal.jobs({ names: [name] })).length;
  await vi.waitFor(async () => expect(await begun('backup')).toBeGreaterThan(2), { timeout: 20_000 });
  await vi.waitFor(async () => expect(await begun('daily-sales')).toBeGreaterThan(2), { timeout: 20_000 });
  expect(await begun('refund')).toBe(3);
  shown.stop();
  await engine.close({ mode: 'abort', graceMs: 0 });
  const all = (await journal.jobs()).length;
  await new Promise(setImmediate);
  expect((await journal.jobs()).length).toBe(all);
});
