// A server with the jobs of the pictures, whose time stands still once they are where they are to be seen.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { memoryJournal } from '../../dist/index.js';
import { createServer, defineSchedule } from '../../dist/server.js';
import { seededRandom, virtualClock } from '../../dist/testing.js';
import { everyState, pipeline, smallJobs, thumbnails } from './jobs.mjs';
import { warehouse } from './warehouse.mjs';

const NIGHT = Date.UTC(2026, 10, 30, 2);
const MINUTE = 60_000;

/** The dinner of examples/kitchen, as it is handed to the server. */
const dinner = async () => {
  const source = readFileSync(new URL('../../examples/kitchen/dinner.ts', import.meta.url), 'utf8');
  const { code } = await transform(source, { loader: 'ts', format: 'esm' });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).dinner;
};

const BROKEN = `name: broken\ntasks:\n  - name: one\n    type: bash\n    comand: echo\n  - name: two\n    type: bash\n    command: echo\n    dependencies: [thre]\n`;

const REFUND = {
  type: 'object',
  properties: {
    approved: { type: 'boolean', description: 'Whether the customer gets it' },
    amount: { type: 'number', minimum: 0 },
    way: { enum: ['card', 'bank', 'voucher'] },
    note: { type: 'string', description: 'For the letter' },
  },
  required: ['approved', 'amount'],
};

export const servedJobs = async ({ many = 2_400 } = {}) => {
  const clock = virtualClock(NIGHT - 60 * MINUTE);
  const random = seededRandom(7);
  const wait = (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = clock.setTimer(resolve, ms);
      signal?.addEventListener('abort', () => {
        if (typeof stop === 'function') stop();
        reject(signal.reason);
      });
    });
  const tools = { wait, random };
  const workflows = mkdtempSync(join(tmpdir(), 'tintype-pictures-'));
  writeFileSync(join(workflows, 'broken.yaml'), BROKEN);
  writeFileSync(
    join(workflows, 'greetings.yaml'),
    readFileSync(new URL('../../examples/greetings.yaml', import.meta.url), 'utf8'),
  );
  const night = warehouse(tools);
  const pictures = thumbnails(tools);
  const small = smallJobs(tools);
  const chart = pipeline(tools, ['extract_movies']);
  const states = everyState(tools);
  const server = createServer({
    journal: memoryJournal(),
    clock,
    definitions: [night, pictures, chart, states, ...small],
    workflows,
    pools: { press: 1, mail: { slots: 2, limit: 10, periodMs: 1_000 } },
    maxConcurrency: 400,
    schedules: [
      defineSchedule({
        name: 'nightly',
        definition: night,
        cron: '30 4 * * *',
        timezone: 'Europe/Berlin',
        overlap: 'skip',
      }),
      defineSchedule({ name: 'reports-of-the-morning', definition: small[2], cron: '*/20 7-9 * * 1-5' }),
      defineSchedule({ name: 'ingest', definition: small[4], every: '15m' }),
    ],
  });
  const { url } = await server.listen({ port: 0 });
  await server.ready;
  const post = async (path, body) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const start = (definition, jobId, options = {}) => server.engine.start(definition, {}, { jobId, ...options });

  // Jobs that are over, in the hour before.
  for (let n = 0; n < many; n += 1) {
    const definition = small[Math.floor(random() * small.length)];
    start(definition, `${(0x3fa9c1 + n * 7_919).toString(16).padStart(8, '0')}`, {
      labels: { team: n % 3 === 0 ? 'data' : 'shop' },
    });
    if (n % 40 === 39) await clock.advance((50 * MINUTE) / (many / 40));
  }
  await clock.advance(10 * MINUTE);

  start(night, 'night-10000', { labels: { team: 'data', trigger: 'nightly' } });
  await clock.advance(14.5 * MINUTE);
  start(pictures, 'thumbs-5000');
  start(states, 'every-state-1');
  await post('/topics', {
    name: 'kitchen',
    title: 'The kitchen',
    description: 'Dinners of tonight, from the first guest to the bill.',
    definitions: { hot: { owner: 'cook', maxRetries: 2 } },
  });
  const document = await dinner();
  await post('/jobs', { jobId: 'dinner-7', document, topic: 'kitchen', labels: { table: '7' } });
  await post('/jobs', { jobId: 'dinner-4', document, topic: 'kitchen', labels: { table: '4' } });
  await post('/jobs', {
    jobId: 'refund-312',
    document: {
      name: 'refund',
      tasks: [
        { name: 'decide', units: [{ name: 'approve', owner: 'accounting', output: REFUND, data: { amount: 312.5 } }] },
      ],
    },
  });
  start(chart, 'pipeline-14');
  await clock.advance(30_000);
  const { units } = await post('/units/claim', { owners: ['waiter'], worker: 'Tom', leaseMs: 3_600_000, max: 1 });
  await post(`/units/${units[0].id}/commands`, { type: 'success', token: units[0].token, output: { by: 'Tom' } });
  await post('/units/claim', { owners: ['waiter'], worker: 'Tom', leaseMs: 3_600_000, max: 1 });
  for (const definition of small) start(definition, `0042146d-${definition.name}`);
  const failing = start(small[3], 'backup-cancelled');
  await clock.advance(20_000);
  failing.cancel('The disk is needed for something else');
  await clock.advance(12_000);
  return {
    url,
    now: clock.now(),
    remove: () => rmSync(workflows, { recursive: true, force: true }),
  };
};

/** A server that has no job yet, and needs a token. */
export const emptyServer = async ({ needsToken = false } = {}) => {
  const server = createServer({ journal: memoryJournal() });
  const { url } = await server.listen({ port: 0 });
  await server.ready;
  const secret = needsToken ? (await server.tokens.create({ name: 'screen', roles: ['viewer'] })).secret : undefined;
  return { url, secret };
};
