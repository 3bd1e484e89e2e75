import { createEngine, defineJob, installSignalHandlers } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const take = (ms: number) => () => new Promise<void>((resolve) => void clock.setTimer(() => resolve(), ms));

const engine = createEngine({ maxConcurrency: 2, clock });
installSignalHandlers(engine, { graceMs: 30_000 }); // SIGTERM and SIGINT do what is done below by hand

const upload = defineJob('upload')
  .task('lock', take(5))
  .task('copy', { dependsOn: ['lock'] }, take(20))
  .task('check', { dependsOn: ['copy'] }, take(10))
  .task('unlock', { dependsOn: ['check'], trigger: 'always' }, take(5))
  .seal();

const jobs = ['cats', 'dogs', 'owls'].map((jobId) => engine.start(upload, {}, { jobId }));
await clock.advance(12);

const closed = engine.close(); // drains: `copy` of cats and dogs runs on, `check` never starts
try {
  engine.start(upload);
} catch (error) {
  console.log(String(error));
}
await clock.runAll();
await closed;

for (const job of jobs) {
  const { state, tasks, error } = await job;
  console.log(
    `${job.id} is ${state}: ${Object.values(tasks)
      .map((task) => task.state)
      .join(', ')}`,
  );
  console.log(`  ${error?.message}`);
}
console.log(`${engine.jobs.length} jobs left at ${clock.now()} ms`);
