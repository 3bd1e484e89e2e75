import { defineJob, type JobEvent } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { chromeTrace } from 'tintype/trace';

const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 30)); // time to turn by hand, so that the program ends at once
const takes = (ms: number) => () => new Promise<void>((done) => clock.setTimer(done, ms));

const nightly = defineJob('nightly')
  .task('download', { maxRetries: 1, retry: { delayMs: 500 } }, async ({ attempt }) => {
    await takes(200)();
    if (attempt === 1) throw new Error('connection reset');
  })
  .task('clean', takes(300))
  .task('load', { dependsOn: ['download', 'clean'] }, takes(400))
  .seal();

const job = nightly.start({}, { clock });
const events: JobEvent[] = [];
job.events$.subscribe((event) => events.push(event));
await clock.runAll();

const trace = chromeTrace(events, { definitions: [nightly] });
// writeFileSync('nightly.trace.json', JSON.stringify(trace)) is the file.
for (const { ph, cat, name, tid, ts = 0, dur = 0, args } of trace.traceEvents) {
  const from = ts / 1000 - Date.UTC(2026, 0, 5, 9, 30);
  if (cat === 'attempt')
    console.log(`lane ${tid}: ${name}, attempt ${args?.attempt}: ${from} to ${from + dur / 1000} ms, ${args?.outcome}`);
  if (ph === 's') console.log(`an arrow of the critical path leaves lane ${tid} at ${Math.round(from)} ms`);
}
