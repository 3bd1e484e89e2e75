import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Client, createClient, type StartRequest, type StreamedEvent, type UnitInfo } from 'tintype/client';
import { sqliteJournal } from 'tintype/sqlite';
import { seededRandom } from 'tintype/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { dinner } from '../examples/kitchen/dinner.ts';
import { expectWithin, IS_LONG, inLong, SEED } from './service/bars.ts';
import { cuttingProxy } from './service/cutting-proxy.ts';
import { droppingProxy } from './service/dropping-proxy.ts';
import { kill, programs, type Serving, stop } from './service/programs.ts';
import { unitsKept } from './service/units-kept.ts';
import type { Started } from './support/cli.ts';
import { keptFeed, placeOf } from './support/kept-feed.ts';
import { newFile, newFolder, rawDatabase } from './support/sqlite-files.ts';

// The server and its clients as processes. `npm run test:service` does the same with more of everything, and with bars for
// times. Both print their seed; SERVICE_SEED repeats one.
vi.setConfig({ testTimeout: inLong(600_000, 120_000) });

const { run, serve } = programs();

/** Waits until a check no longer throws. */
const until = <Value>(check: () => Value | Promise<Value>): Promise<Value> =>
  vi.waitFor(check, { timeout: inLong(300_000, 60_000), interval: 20 });

type Document = NonNullable<StartRequest['document']>;

/** A document with units of the owner `any`, each of which takes some ms. */
const unitsFor = (count: number, ms: () => number): Document => ({
  name: 'many',
  tasks: [
    {
      name: 'all',
      units: Array.from({ length: count }, (_, at) => ({ name: `unit${at}`, owner: 'any', data: { ms: ms() } })),
    },
  ],
});

/** The pattern of the id in the line in which a worker says for the nth time that it has claimed a unit. */
const nthClaim = (count: number): RegExp => new RegExp(`(?:^claimed (.*)$[^]*?){${count}}`, 'm');

describe('a kitchen', () => {
  test('serves the dinner once, though a cook is killed half-way and the server is killed and restarted', async () => {
    const db = newFile();
    const LEASE_MS = 1500;
    const open = (port: string): Started => run('kitchen/server', [db, port]);
    const first = open('0');
    const [, KITCHEN = ''] = await first.line(/(http\S+)$/m);
    const env = { KITCHEN, LEASE_MS: String(LEASE_MS) };
    // This one takes hours for whatever it begins first.
    const slow = run('kitchen/cook', ['Ben'], { ...env, MINUTE_MS: '3600000' });
    const barker = run('kitchen/barker', [], env);
    const waiter = run('kitchen/waiter', [], env);
    await slow.line(/begins the/);
    const cook = run('kitchen/cook', ['Ada'], env);
    const killedAt = Date.now();
    await kill(slow);

    await barker.line(/^barker: starters!$/m);
    await kill(first);
    const second = open(new URL(KITCHEN).port);
    await second.line(/the kitchen is open/);

    expect((await barker.ended).stdout).toBe('barker: starters!\nbarker: mains!\nbarker: the dinner is completed\n');
    expect(await stop(cook, waiter, second)).toEqual([0, 0, 0]);
    const kept = await unitsKept(db);
    expect(kept.map(({ completed }) => completed.length)).toEqual(Array(13).fill(1));
    const lost = kept.find(({ claims }) => claims[0]?.worker === 'Ben');
    expect(lost?.output).toEqual({ by: 'Ada' });
    expectWithin('the lost unit is handed out again', (lost?.claims[1]?.at ?? 0) - killedAt, LEASE_MS + 1000);
  });

  test('runs by one command', async () => {
    const { stdout, stderr, exitCode } = await run('kitchen/main', []).ended;
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^server: the kitchen is open at http:\/\/127\.0\.0\.1:\d+$/);
    expect(lines.filter((line) => /^(?:waiter|barker):/.test(line))).toEqual([
      'waiter: seat',
      'waiter: note',
      'barker: starters!',
      'waiter: serves the starters',
      'barker: mains!',
      'waiter: serves the mains',
      'waiter: bill',
      'barker: the dinner is completed',
    ]);
    for (const dish of ['soup', 'salad', 'fish', 'roast', 'potatoes', 'dessert'])
      expect(lines.filter((line) => line.endsWith(`: the ${dish} is done`))).toHaveLength(1);
  });
});

test('many clients, of which some are killed and one sleeps past its lease, complete every unit once', async () => {
  const random = seededRandom(SEED);
  const upTo = (most: number): number => 1 + Math.floor(random() * most);
  const db = newFile();
  const server = await serve(db);
  const { client } = server;
  // Its unit takes so long that another one still works on it when the sleeper wakes.
  const { id: long } = await client.jobs.start({ document: unitsFor(1, () => 2000) });
  const sleeper = run('worker', [server.url, 'sleeper']);
  const [, unit = ''] = await sleeper.line(nthClaim(1));
  sleeper.child.kill('SIGSTOP');

  const [jobs, unitsOfJob] = [inLong(20, 4), inLong(50, 15)];
  const startOne = async (): Promise<string> =>
    (await client.jobs.start({ document: unitsFor(unitsOfJob, () => upTo(20)) })).id;
  const ids = [long, ...(await Promise.all(Array.from({ length: jobs }, startOne)))];
  const killed = await Promise.all(
    Array.from({ length: inLong(5, 2) }, async (_, at) => {
      const count = upTo(inLong(10, 3));
      const worker = run('worker', [server.url, `mortal ${at}`, String(count)]);
      await worker.line(nthClaim(count));
      return worker;
    }),
  );
  const workers = Array.from({ length: inLong(14, 2) }, (_, at) => run('worker', [server.url, `worker ${at}`]));
  await Promise.any(workers.map((worker) => worker.line(nthClaim(1))));
  await Promise.all(killed.map(kill));
  await until(async () => expect((await client.units.get(unit)).attempt).toBeGreaterThan(1));
  sleeper.child.kill('SIGCONT');
  await sleeper.line(new RegExp(`^problem STALE_TOKEN ${unit}$`, 'm'));

  const results = await Promise.all(ids.map((id) => client.jobs.result(id)));
  expect(results.map(({ state }) => state)).toEqual(ids.map(() => 'completed'));
  const living = [sleeper, ...workers];
  expect(await stop(...living)).toEqual(living.map(() => 0));
  expect(await stop(server)).toEqual([143]);

  const kept = await unitsKept(db);
  const where = `seed ${SEED}`;
  expect(kept).toHaveLength(1 + jobs * unitsOfJob);
  expect(
    kept.filter(({ completed }) => completed.length !== 1),
    where,
  ).toEqual([]);
  // What a worker said that had lost the unit did not count.
  expect(
    kept.filter(({ claims, output }) => (output as { by: string }).by !== claims.at(-1)?.worker),
    where,
  ).toEqual([]);
  expect(
    kept.filter(({ claims }) => claims.length > 1).length,
    `units that were handed out again, ${where}`,
  ).toBeGreaterThanOrEqual(killed.length + 1);
});

test('a network that drops a tenth of the answers makes nothing happen twice', async () => {
  const db = newFile();
  const server = await serve(db);
  const proxy = await droppingProxy(server.url, 0.1, seededRandom(SEED));
  const client = createClient({ url: proxy.url, maxRetries: 20 });
  const [jobs, unitsOfJob] = [inLong(100, 10), 10];
  const handled: string[] = [];
  const problems: string[] = [];
  const works = Array.from({ length: 5 }, (_, at) =>
    client.work({
      owners: ['any'],
      worker: `worker ${at}`,
      concurrency: 3,
      handler: async ({ id }, { log }) => {
        handled.push(id);
        await log('info', 'seen');
        return { by: `worker ${at}` };
      },
      onProblem: (error) => problems.push(error.message),
    }),
  );
  onTestFinished(() => void Promise.all(works.map((work) => work.stop())));
  const started = await Promise.all(
    Array.from({ length: jobs }, () => client.jobs.start({ document: unitsFor(unitsOfJob, () => 0) })),
  );
  for (const { id } of started) expect((await client.jobs.result(id)).state).toBe('completed');
  await Promise.all(works.map((work) => work.stop()));
  expect(await stop(server)).toEqual([143]);

  const where = `seed ${SEED}`;
  expect(proxy.dropped(), where).toBeGreaterThan(jobs / 10);
  expect(
    proxy.statuses.filter((status) => status >= 400),
    where,
  ).toEqual([]);
  const kept = await unitsKept(db);
  expect(kept, 'no job twice').toHaveLength(jobs * unitsOfJob);
  expect(kept.filter(({ claims, completed }) => claims.length !== 1 || completed.length !== 1)).toEqual([]);
  expect(handled.toSorted(), 'no unit twice').toEqual([...new Set(handled)].toSorted());
});

/** All units of some states that a client sees. */
const inbox = async (client: Client): Promise<readonly UnitInfo[]> => {
  const found: UnitInfo[] = [];
  for (const state of ['ready', 'claimed'] as const) {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await client.units.list({ state, limit: 500, cursor: cursor ?? undefined });
      found.push(...page.items);
      cursor = page.nextCursor;
    }
  }
  return found;
};

test('a server that was killed is ready soon, with the same units for the same workers', async () => {
  const jobs = inLong(2000, 40);
  const db = newFile();
  const first = await serve(db);
  let left = jobs;
  const startAll = async (): Promise<void> => {
    while (left-- > 0) await first.client.jobs.start({ document: dinner });
  };
  await Promise.all(Array.from({ length: 20 }, startAll));
  const { units } = await first.client.units.claim({ owners: ['waiter'], worker: 'Ada', max: 20, leaseMs: 3_600_000 });
  const before = await inbox(first.client);
  expect(before.map(({ state }) => state).toSorted()).toEqual([
    ...Array(20).fill('claimed'),
    ...Array(jobs - 20).fill('ready'),
  ]);
  await kill(first);

  const restartedAt = performance.now();
  const second = await serve(db);
  expectWithin(`ready with ${jobs} waiting jobs of 13 units`, performance.now() - restartedAt, 10_000);
  // A lease begins anew, since heartbeats are not kept.
  const withoutLease = ({ leaseEndsAt: _, ...unit }: UnitInfo) => unit;
  expect((await inbox(second.client)).map(withoutLease)).toEqual(before.map(withoutLease));
  // Whoever has claimed one may go on.
  for (const { id, token } of units) await second.client.units.command(id, { type: 'success', token });
  expect(await stop(second)).toEqual([143]);
});

test('a client that follows all events through 5 kills of the server and many cuts gets each once, in order', async () => {
  const [cuts, kills] = [inLong(200, 40), 5];
  const random = seededRandom(SEED);
  const below = (count: number): number => Math.floor(random() * count);
  const db = newFile();
  let server = await serve(db);
  const { client, url, port } = server;
  const proxy = await cuttingProxy(url, () => 1 + below(8000));
  const listening = new AbortController();
  const seen: StreamedEvent[] = [];
  const listen = async (): Promise<void> => {
    for await (const event of createClient({ url: proxy.url }).events({ after: 0, signal: listening.signal }))
      seen.push(event);
  };
  const listened = listen();

  let isOver = false;
  const jobs: string[] = [];
  const work = async (): Promise<void> => {
    while (!isOver) {
      const { id } = await client.jobs.start({ document: unitsFor(5, () => 1 + below(20)) });
      jobs.push(id);
      expect((await client.jobs.result(id)).state).toBe('completed');
    }
  };
  const workers = ['Ada', 'Ben'].map((name) => run('worker', [url, name]));
  const worked = Promise.all([work(), work(), work()]);
  const killsAt = Array.from({ length: kills }, () => below(cuts)).toSorted((a, b) => a - b);
  for (const at of [...killsAt, cuts]) {
    await until(() => expect(proxy.cuts()).toBeGreaterThanOrEqual(at));
    if (at === cuts) break;
    // There is work when it is killed.
    await until(async () => expect((await client.jobs.list({ state: 'running' })).items).not.toEqual([]));
    await kill(server);
    server = await serve(db, { port });
  }
  isOver = true;
  await worked;
  const ended = (): number => seen.filter(({ type, data }) => type === 'job.transition' && isEnd(data)).length;
  await until(() => expect(ended()).toBe(jobs.length));
  listening.abort();
  await listened;
  expect(await stop(...workers, server)).toEqual([0, 0, 143]);

  const journal = sqliteJournal(db);
  const kept = await keptFeed(journal);
  await journal.close();
  const where = `seed ${SEED}, ${jobs.length} jobs, ${kept.length} events`;
  expect(seen.map(placeOf), where).toEqual(kept);
  expect(
    kept.map(({ id }) => id),
    where,
  ).toEqual(kept.map((_, at) => at + 1));
  expect(seen.filter(({ type }) => type === 'job.resumed').length, where).toBeGreaterThanOrEqual(kills);
});

const isEnd = (data: unknown): boolean => (data as { readonly to: string }).to === 'completed';

test('workflows of the command line on the same file are in the events of the server, and the file is sound', async () => {
  const db = newFile();
  const { client } = await serve(db);
  const file = join(newFolder(), 'two.yaml');
  writeFileSync(
    file,
    'name: two\ntasks:\n  - { name: a, type: bash, command: echo a }\n  - { name: b, type: bash, command: echo b, dependencies: [a] }\n',
  );
  const runs = inLong(20, 3);
  const listening = new AbortController();
  const ended: { readonly jobId: string; readonly to: string }[] = [];
  let slowest = 0;
  const listen = async (): Promise<void> => {
    for await (const { type, data } of client.events({ after: 0, signal: listening.signal })) {
      const { at, ...event } = data as { at: number; jobId: string; jobName: string; to: string };
      if (event.jobName !== 'two') continue;
      slowest = Math.max(slowest, Date.now() - at);
      if (type === 'job.transition' && event.to !== 'running') ended.push(event);
      if (ended.length === runs) listening.abort();
    }
  };
  const listened = listen();
  // Beside them, the server has work of its own.
  const own = await client.jobs.start({ document: unitsFor(20, () => 0) });
  const work = client.work({ owners: ['any'], handler: () => ({ by: 'me' }) });
  let left = runs;
  const runAll = async (): Promise<void> => {
    while (left-- > 0) expect((await run('tintype', ['run', file, '--db', db]).ended).exitCode).toBe(0);
  };
  await Promise.all([runAll(), runAll(), runAll()]);
  await listened;
  expect((await client.jobs.result(own.id)).state).toBe('completed');
  await work.stop();
  expect(ended.map(({ to }) => to)).toEqual(Array(runs).fill('completed'));
  expectWithin(`the last of ${runs} runs’ events to be seen`, slowest, 500);
  expect((await client.jobs.list({ name: 'two', state: 'completed', limit: 100 })).items).toHaveLength(runs);
  expect(await run('tintype', ['db', 'check', '--db', db]).ended).toMatchObject({ exitCode: 0 });
});

test('SIGTERM answers claims that wait, ends streams, and leaves no unit with nobody', async () => {
  const tokens = inLong(5, 1);
  const db = newFile();
  const { exitCode, stdout } = await run('tintype', [
    'token',
    'create',
    '--db',
    db,
    '--role',
    'admin',
    '--name',
    'root',
  ]).ended;
  expect(exitCode).toBe(0);
  const server: Serving = await serve(db, { args: ['--grace', '20s'] });
  const { url } = server;
  const root = createClient({ url, token: stdout.trim() });
  const secrets = await Promise.all(
    Array.from({ length: tokens }, async (_, at) => {
      const { secret } = await root.tokens.create({ name: `client ${at}`, roles: ['operator'] });
      return secret;
    }),
  );
  const clients = secrets.map((token) => createClient({ url, token, maxRetries: 0 }));
  const claim = (client: Client, waitMs: number) =>
    client.units.claim({ owners: ['any'], worker: 'Ada', max: 1, waitMs, leaseMs: 60_000 });
  const claims = clients.flatMap((client) => Array.from({ length: 20 }, () => claim(client, 60_000)));
  // A token may have 20 claims that wait: one more is refused when all of them do.
  for (const client of clients)
    await until(() => expect(claim(client, 1)).rejects.toMatchObject({ code: 'TOO_MANY_WAITING' }));
  const streams = await Promise.all(
    secrets.flatMap((secret) =>
      Array.from({ length: 20 }, () =>
        fetch(`${url}/api/v1/events`, {
          headers: { accept: 'text/event-stream', authorization: `Bearer ${secret}` },
        }),
      ),
    ),
  );

  const { id } = await root.jobs.start({ document: unitsFor(10, () => 0) });
  server.child.kill('SIGTERM');
  const answers = await Promise.all(claims);
  const texts = await Promise.all(streams.map((stream) => stream.text()));
  const { exitCode: code, stderr } = await server.ended;
  expect({ code, stderr }).toEqual({ code: 143, stderr: expect.stringMatching(/^SIGTERM: /m) });
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
  for (const text of texts) expect(text).toMatch(/^retry: \d+$/m);
  const given = answers.flatMap(({ units }) => units.map((unit) => unit.name)).toSorted();
  const claimed = (await unitsKept(db)).filter(({ unit, state }) => unit.startsWith(id) && state === 'running');
  expect(claimed.map(({ unit }) => unit.slice(unit.lastIndexOf('/') + 1)).toSorted()).toEqual(given);
});

/** Keeps files from being written, by whoever it is, or no longer. */
const freeze = (files: readonly string[], isFrozen: boolean): void => {
  execFileSync('chattr', [isFrozen ? '+i' : '-i', ...files], { stdio: 'ignore' });
};

/** Whether a process may have a small disk of its own. */
const mayMount = ((): boolean => {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Waits until a job that had to be left runs again. The server sees to it once a minute; the short form does not wait. */
const takenUp = async (client: Client, id: string): Promise<void> => {
  if (!IS_LONG && (await client.jobs.get(id)).interrupted) await client.jobs.resume(id);
  await until(async () => expect((await client.jobs.get(id)).interrupted).toBe(false));
};

test.skipIf(!mayMount)('a full disk is 507, loses nothing, and when there is room the work goes on', async () => {
  const folder = newFolder();
  const script = `mount -t tmpfs -o size=4m tmpfs ${folder} && exec "$@"`;
  const server = await serve(join(folder, 'jobs.db'), { through: ['unshare', '-rm', 'sh', '-c', script, 'sh'] });
  const { client, url } = server;
  const { id } = await client.jobs.start({ document: unitsFor(3, () => 0) });
  const { units } = await client.units.claim({ owners: ['any'], worker: 'Ada', leaseMs: 3_600_000 });
  const [unit] = units;
  if (!unit) throw new Error('No unit was claimed.');

  // The disk of the process, as the others see it.
  const filler = join(`/proc/${server.child.pid}/root`, folder, 'filler');
  expect(() => writeFileSync(filler, Buffer.alloc(8_000_000))).toThrow(/ENOSPC/);
  const post = (path: string, body: unknown) =>
    fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const refused = async (answer: Promise<Response>) => {
    const { status, headers } = await answer;
    return [status, headers.get('retry-after')];
  };
  const success = { type: 'success', token: unit.token, output: { by: 'Ada' } } as const;
  const report = () => post(`/units/${unit.id}/commands`, success);
  // There may be room for a little more.
  await until(async () =>
    expect(await refused(post('/jobs', { document: unitsFor(1, () => 0) }))).toEqual([507, '30']),
  );
  expect(await refused(report())).toEqual([507, '30']);
  // The job is interrupted then, and the claim is not lost: its worker has to ask again.
  await until(async () => {
    const [status, retryAfter] = await refused(report());
    expect([507, 503]).toContain(status);
    expect([status, retryAfter]).toEqual([503, '30']);
  });

  rmSync(filler);
  const another = await client.jobs.start({ document: unitsFor(2, () => 0) });
  await takenUp(client, id);
  expect((await report()).status).toBe(200);
  const worker = run('worker', [url, 'Ben']);
  for (const job of [id, another.id]) expect((await client.jobs.result(job)).state).toBe('completed');
  expect(await stop(worker, server)).toEqual([0, 143]);
});

/** Whether a file may be kept from being written, also by who has it open. */
const mayFreeze = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-frozen-'));
  try {
    freeze([folder], true);
    freeze([folder], false);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
})();

test.skipIf(!mayFreeze)(
  'a database that can no longer be written is 503, is read on, loses nothing, and the work goes on when it can',
  async () => {
    const db = newFile();
    const { client, url, ...server } = await serve(db);
    const { id } = await client.jobs.start({ document: unitsFor(3, () => 0) });
    const { units } = await client.units.claim({ owners: ['any'], worker: 'Ada', leaseMs: 3_600_000 });
    const [unit] = units;
    if (!unit) throw new Error('No unit was claimed.');
    const post = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return [answer.status, answer.headers.get('retry-after')];
    };
    const report = () =>
      post(`/units/${unit.id}/commands`, { type: 'success', token: unit.token, output: { by: 'Ada' } });
    const start = () => post('/jobs', { document: unitsFor(2, () => 0), jobId: 'another' });
    const files = [...readdirSync(dirname(db)).map((name) => join(dirname(db), name)), dirname(db)];
    freeze(files, true);
    onTestFinished(() => freeze(files, false));

    expect(await start()).toEqual([503, '30']);
    expect(await report()).toEqual([503, '30']);
    await until(async () => expect((await fetch(`${url}/readyz`)).status).toBe(503));
    const read = createClient({ url, maxRetries: 0 });
    expect((await read.jobs.list()).items).toMatchObject([{ id, state: 'running' }]);
    expect((await read.jobs.tasks(id)).items.length).toBeGreaterThan(3);

    freeze(files, false);
    await until(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
    await takenUp(client, id);
    expect(await start()).toEqual([201, null]);
    expect(await report()).toEqual([200, null]);
    const worker = run('worker', [url, 'Ben']);
    for (const job of [id, 'another']) expect((await client.jobs.result(job)).state).toBe('completed');
    expect(await stop(worker, server)).toEqual([0, 143]);
    expect((await unitsKept(db)).map(({ completed }) => completed.length)).toEqual(Array(5).fill(1));
  },
);

// The short form is that of test/server/readiness.test.ts: to say that it is locked takes the server 5 s.
test.runIf(IS_LONG)('a file that another program locks is 503, loses nothing, and the work goes on', async () => {
  const db = newFile();
  const server = await serve(db);
  const { client, url } = server;
  const { id } = await client.jobs.start({ document: unitsFor(20, () => 100) });
  const worker = run('worker', [url, 'Ada']);
  await worker.line(nthClaim(2));
  const other = rawDatabase(db);
  other.exec('BEGIN IMMEDIATE');
  const lockedAt = performance.now();
  do {
    const { status, headers } = await fetch(`${url}/api/v1/topics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'menu', title: 'The menu' }),
    });
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  } while (performance.now() - lockedAt < 30_000);
  other.exec('ROLLBACK');
  await takenUp(client, id);
  expect((await client.jobs.result(id)).state).toBe('completed');
  expect(await stop(worker, server)).toEqual([0, 143]);
  const kept = await unitsKept(db);
  expect(kept.map(({ completed }) => completed.length)).toEqual(Array(20).fill(1));
});
