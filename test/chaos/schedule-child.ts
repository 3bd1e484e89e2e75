import { writeSync } from 'node:fs';
import { defineJob } from 'tintype';
import { createServer, defineSchedule } from 'tintype/server';
import { sqliteJournal } from 'tintype/sqlite';

const [file = ''] = process.argv.slice(2);

/** A server with a job each second, for another process to kill. Prints a line when it is ready, and when a job is over. */
const tick = defineJob('tick')
  .task('write', () => {})
  .seal();
const server = createServer({
  journal: sqliteJournal(file, { synchronous: 'normal' }),
  schedules: [defineSchedule({ name: 'tick', definition: tick, every: '1s', overlap: 'allow', catchup: 'all' })],
});
server.engine.events$.subscribe((event) => {
  if (event.type === 'job.transition' && event.to === 'completed') writeSync(1, 'over\n');
});
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)));
await server.ready;
writeSync(1, 'ready\n');
