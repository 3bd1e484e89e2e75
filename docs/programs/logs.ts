import { pino } from 'pino';
import { createEngine, defineJob, memoryJournal } from 'tintype';
import { pinoEvents } from 'tintype/pino';
import { createServer } from 'tintype/server';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(Date.UTC(2026, 0, 5)); // time to turn by hand, so that the program ends at once
const takes = (ms: number) => new Promise<void>((done) => void clock.setTimer(done, ms));

const order = defineJob('order')
  .task('reserve', { maxRetries: 1, retry: { delayMs: 1_000, jitter: 'none' } }, async ({ log, attempt }) => {
    log.info('reserving', { order: 7, card: '4111 1111' });
    await takes(20);
    if (attempt === 1) throw new Error('shop is busy');
    return { parcels: 2 };
  })
  .task('ship', { dependsOn: ['reserve'] }, () => {
    throw new Error('no ship today');
  })
  .seal();

/** A logger without times, pids and stacks, so that its lines are the same each time. */
const logger = pino(
  {
    level: 'info',
    base: null,
    timestamp: false,
    redact: ['data.card'],
    serializers: { err: ({ message, code }) => ({ message, code }) },
  },
  { write: (line) => console.log(line.trimEnd()) },
);

const engine = createEngine({ clock });
engine.events$.subscribe(pinoEvents(logger, { level: 'info' }));
const job = engine.start(order, {}, { jobId: 'o1' });
await clock.runAll();
await job;

// A server logs its jobs and its requests.
const requests = pino(
  { level: 'info' },
  {
    write: (line) => {
      const { method, route, status } = JSON.parse(line);
      if (status !== undefined) console.log(`${method} ${route} ${status}`);
    },
  },
);
const server = createServer({ journal: memoryJournal(), definitions: [order], tokens: false, logger: requests });
await server.ready;
await server.fetch(new Request('http://localhost/api/v1/jobs/o1'));
await server.fetch(new Request('http://localhost/api/v1/jobs'));
await server.close();
