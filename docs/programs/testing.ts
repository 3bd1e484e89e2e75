import { readFile } from 'node:fs/promises';
import { createEngine, defineJob, memoryJournal } from 'tintype';
import { expectTransitions, recordEvents, seededRandom, virtualClock } from 'tintype/testing';

const clock = virtualClock();
const journal = memoryJournal();
const minutes = 60_000;

const report = defineJob('report')
  .task('fetch', { maxRetries: 3, retry: { delayMs: 10 * minutes, maxDelayMs: 60 * minutes } }, ({ attempt }) => {
    if (attempt < 2) throw new Error('connection reset');
    return { rows: 7 };
  })
  .task('read', { timeout: minutes }, async () => {
    const text = await clock.settle(readFile('package.json', 'utf8')); // real I/O: the clock stands still
    return { isText: text.length > 0 };
  })
  .external('approve', { dependsOn: ['fetch', 'read'], deadline: 24 * 60 * minutes })
  .seal();

const engine = createEngine({ clock, journal, random: seededRandom(7), definitions: [report] });
const job = engine.start(report, {}, { jobId: 'r1' });
const events = recordEvents(job);
await clock.advance(60 * minutes);
const states = (['fetch', 'read', 'approve'] as const).map((task) => `${task} ${job.task(task).state}`);
console.log(`after an hour: ${states.join(', ')}`);

expectTransitions(events, 'read', ['ready', 'running', 'completed']);
try {
  expectTransitions(events, 'fetch', ['ready', 'running', 'completed']);
} catch (error) {
  console.log((error as Error).message);
}

await engine.close(); // the program ends, and another begins with the same journal
const next = createEngine({ clock, journal, definitions: [report] });
const { resumed } = await next.recover();
await clock.runAll();
const result = await resumed[0];
console.log(`${clock.now() / minutes} min: ${result?.state}, ${result?.tasks.approve?.error?.code}`);
