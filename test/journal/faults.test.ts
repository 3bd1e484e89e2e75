import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type JobEvent, type JobResult, jobFrom, type TaskSpec } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';
import { seededRandom, virtualClock } from 'tintype/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { bundleChaos } from '../chaos/bundle.ts';
import { type Started, start } from '../support/cli.ts';

// Many programs at once on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

/** Where the bundles are, and the programs. */
let bundles = '';
beforeAll(async () => {
  bundles = await bundleChaos();
}, 60_000);
afterAll(() => bundles && rmSync(bundles, { recursive: true, force: true }));

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-faults-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

let programs = 0;

/**
 * Writes a program for a process of its own. `file` is that of its journal, `say` prints a line, `heard` waits for a file
 * to appear, `DatabaseSync` is the driver, and `steps` a definition of tasks that each say that they run.
 */
const programFile = (text: string): string => {
  const path = join(bundles, `program-${programs++}.mjs`);
  writeFileSync(
    path,
    `import { existsSync, writeSync } from 'node:fs';
import { createEngine, jobFrom } from './index.mjs';
import { sqliteJournal } from './sqlite.mjs';
const { DatabaseSync } = await import('node:sqlite').catch(() => import('@photostructure/sqlite'));
const file = process.argv[2];
const say = (line) => writeSync(1, line + '\\n');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const heard = async (path) => { while (!existsSync(path)) await wait(2); };
const codes = (error) => error ? [error.code, ...(error.cause ? [error.cause.code] : [])].join(' <- ') : 'none';
${text}`,
  );
  return path;
};

const run = (text: string, ...args: string[]): Started =>
  start(process.execPath, ['--no-warnings', programFile(text), ...args]);

/** Runs a program up to the first line that matches, and kills it there. */
const killedAt = async (pattern: RegExp, program: string, ...args: string[]): Promise<void> => {
  const { child, line, ended } = run(program, ...args);
  await line(pattern);
  child.kill('SIGKILL');
  await ended;
};

/** What the journal has of its one job, as a process sees it that comes anew. */
const kept = async (file: string) => {
  const journal = sqliteJournal(file);
  const [job, ...others] = await journal.jobs();
  const stored = job ? await journal.events(job.id) : [];
  await journal.close();
  expect(others).toEqual([]);
  expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at));
  return { job, events: stored.map(({ data }) => JSON.parse(data) as JobEvent) };
};

const lines = (events: readonly JobEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'job.transition'
      ? [`job ${event.to}`]
      : event.type === 'task.transition'
        ? [`${event.task} ${event.to}${event.reason ? ` (${event.reason})` : ''}`]
        : [event.type],
  );

/** Returns the state of a process, as the system gives it: `T` once a signal has stopped it. */
const stateOf = (pid: number | undefined): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0];

const WAIT = { timeout: 30_000, interval: 5 };

/** A journal that is used as if it were so much later. */
const later = (journal: Journal, byMs: number): Journal => {
  const atThatTime =
    (call: (...given: unknown[]) => unknown) =>
    (...given: unknown[]): unknown => {
      const { now } = Date;
      Date.now = () => now() + byMs;
      try {
        return call(...given);
      } finally {
        Date.now = now;
      }
    };
  const calls = Object.entries(journal).map(([name, value]) => [
    name,
    typeof value === 'function' ? atThatTime(value as never) : value,
  ]);
  return { ...journal, ...Object.fromEntries(calls) } as Journal;
};

describe.concurrent('a disk that is full', () => {
  const mountable = process.platform === 'linux' && process.getuid?.() === 0 && mounts();

  test.runIf(mountable)('ends the job here, which goes on once there is space; nothing is lost', async ({ expect }) => {
    const folder = newFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]);
    try {
      const ran: string[] = [];
      const puttingOut = (name: string, output: (ctx: Readonly<Record<string, unknown>>) => object): TaskSpec => ({
        name,
        run: ({ ctx }) => {
          ran.push(name);
          return output(ctx);
        },
      });
      const definition = jobFrom('fills the disk', [
        puttingOut('small', () => ({ small: new Date(5) })),
        { ...puttingOut('large', () => ({ large: 'x'.repeat(1_500_000) })), dependsOn: ['small'] },
        { ...puttingOut('last', ({ large }) => ({ last: String(large).length })), dependsOn: ['large'] },
      ]);
      const file = join(folder, 'jobs.db');
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(1_200_000));
      const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
      const job = engine.start(definition, {});
      const { state, error } = await job;
      expect([state, error?.code, (error?.cause as { code?: string }).code]).toEqual([
        'failed',
        'JOURNAL_FAILED',
        'JOURNAL_FULL',
      ]);
      expect(error?.message).toMatch(/full|space/i);
      expect(ran).toEqual(['small', 'large']);

      rmSync(join(folder, 'ballast'));
      const { job: again } = await engine.resume(job.id);
      expect(await again).toMatchObject({ state: 'completed', ctx: { small: new Date(5), last: 1_500_000 } });
      expect(ran).toEqual(['small', 'large', 'large', 'last']);
      await engine.close();
      const { events } = await kept(file);
      expect(lines(events).filter((line) => line.startsWith('job ') || line.includes('interrupted'))).toEqual([
        'job running',
        'large retrying (interrupted)',
        'job completed',
      ]);
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });

  test.runIf(process.platform === 'linux').for([
    ['in its course', 'small, large, last'],
    ['at its very end', 'small, last, large'],
  ])('for one process alone ends its job there %s, and another goes on', async ([, order = ''], { expect }) => {
    const file = join(newFolder(), 'jobs.db');
    const names = order.split(', ');
    const path = programFile(`
const names = ${JSON.stringify(names)};
const text = { small: 10, large: 1_000_000, last: 10 };
const definition = jobFrom('grows', names.map((name, at) => ({
  name,
  dependsOn: names.slice(at - 1, at),
  run: () => { say(name); return { [name]: 'x'.repeat(text[name]) }; },
})));
const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
const { resumed } = await engine.recover();
const { state, error } = await (resumed[0] ?? engine.start(definition, {}));
say(state + ', ' + codes(error));
await engine.close();
`);
    const program = [process.execPath, '--no-warnings', path, file];
    // In blocks of 1,024 bytes.
    const first = await start('bash', ['-c', 'ulimit -f 600; exec "$0" "$@"', ...program]).ended;
    const large = names.indexOf('large');
    expect(first.stdout.trim().split('\n')).toEqual([
      ...names.slice(0, large + 1),
      expect.stringMatching(/^failed, JOURNAL_FAILED <- JOURNAL_F/),
    ]);
    expect([first.exitCode, first.stderr]).toEqual([0, '']);
    const second = await start(process.execPath, program.slice(1)).ended;
    expect(second.stdout.trim().split('\n')).toEqual([...names.slice(large), 'completed, none']);
    expect((await kept(file)).job).toMatchObject({ state: 'completed' });
  });
});

/** Whether this machine lets us mount. */
function mounts(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const TWO = `
const definition = jobFrom('two', [
  { name: 'first', run: () => { say('first'); return { first: 1 }; } },
  { name: 'second', dependsOn: ['first'], run: () => { say('second'); return { second: 2 }; } },
]);
`;

/** Holds the write lock of a database until a file appears, or so many ms. */
const LOCKER = `
const database = new DatabaseSync(file);
database.exec('BEGIN IMMEDIATE');
say('locked');
await Promise.race([heard(file + '.unlock'), wait(Number(process.argv[3] ?? 600_000))]);
database.exec('COMMIT');
database.close();
process.exit();
`;

describe.concurrent('a database that another process has locked', () => {
  /** Its first task waits for a file; `argv[3]` is how long it waits for a lock. */
  const program = `
const definition = jobFrom('two', [
  { name: 'first', run: async () => { say('first'); await heard(file + '.go'); return { first: 1 }; } },
  { name: 'second', dependsOn: ['first'], run: () => { say('second'); return { second: 2 }; } },
]);
try {
  const journal = sqliteJournal(file, { busyTimeoutMs: Number(process.argv[3]) });
  const engine = createEngine({ journal, definitions: [definition] });
  const { resumed } = await engine.recover();
  const { state, error } = await (resumed[0] ?? engine.start(definition, {}));
  say(state + ', ' + codes(error));
  await engine.close();
} catch (error) { say('threw ' + codes(error)); }
`;
  const lock = async (file: string, forMs?: number) => {
    const locker = run(LOCKER, file, ...(forMs === undefined ? [] : [String(forMs)]));
    await locker.line(/locked/);
    return locker;
  };
  const unlock = async (file: string, locker: Started): Promise<void> => {
    writeFileSync(`${file}.unlock`, '');
    await locker.ended;
  };

  test('is waited for', async ({ expect }) => {
    const file = join(newFolder(), 'jobs.db');
    const { line, ended } = run(program, file, '30000');
    await line(/first/);
    const locker = await lock(file, 300);
    writeFileSync(`${file}.go`, '');
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '', stdout: 'first\nsecond\ncompleted, none\n' });
    await locker.ended;
  });

  test('for longer than busyTimeoutMs ends the job there with JOURNAL_LOCKED, and it goes on later', async ({
    expect,
  }) => {
    const file = join(newFolder(), 'jobs.db');
    const { line, ended } = run(program, file, '100');
    await line(/first/);
    const locker = await lock(file);
    writeFileSync(`${file}.go`, '');
    expect((await ended).stdout).toBe('first\nfailed, JOURNAL_FAILED <- JOURNAL_LOCKED\n');
    await unlock(file, locker);
    expect((await run(program, file, '100').ended).stdout).toBe('first\nsecond\ncompleted, none\n');
    expect((await kept(file)).job).toMatchObject({ state: 'completed' });
  });

  test('is not opened, and nothing runs', async ({ expect }) => {
    const file = join(newFolder(), 'jobs.db');
    await sqliteJournal(file).close();
    const locker = await lock(file);
    expect((await run(program, file, '100').ended).stdout).toMatch(/^threw JOURNAL_LOCKED/);
    await unlock(file, locker);
  });
});

test.runIf(process.platform !== 'win32')('a file that may not be written is refused before anything runs', async () => {
  const folder = newFolder();
  const file = join(folder, 'jobs.db');
  await sqliteJournal(file).close();
  execFileSync('chmod', ['-R', 'a+rX,a-w', folder]);
  const path = programFile(`
if (process.getuid() === 0) process.setuid(65_534);
${TWO}
try {
  const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
  const { state, error } = await engine.start(definition, {});
  say(state + ', ' + codes(error) + ', ' + (error.cause ?? error).message);
} catch (error) { say('threw ' + codes(error) + ', ' + error.message); }
`);
  const { stdout } = await start(process.execPath, ['--no-warnings', path, file]).ended;
  expect(stdout).toContain('JOURNAL_READ_ONLY');
  expect(stdout).toContain(file);
  expect(stdout).not.toMatch(/^(first|second)$/m);
});

/** Jobs whose first task has completed and whose second waits for a file. */
const WAITING = `
const definition = jobFrom('waiting', [
  { name: 'first', run: () => ({ first: 1 }) },
  { name: 'second', dependsOn: ['first'], run: async ({ jobId }) => { say('runs ' + jobId); await heard(file + '.go'); return { by: process.argv[3] }; } },
]);
const journal = sqliteJournal(file);
const engine = createEngine({ journal, definitions: [definition] });
`;

test('of two processes that resume a job at once, one goes on with it, and the other is told JOB_LEASED', async () => {
  const file = join(newFolder(), 'jobs.db');
  const ids = Array.from({ length: 12 }, (_, at) => `job-${at}`);
  await killedAt(
    /^all run$/m,
    `${WAITING}
let running = 0;
engine.events$.subscribe((event) => { if (event.to === 'running' && event.task === 'second' && ++running === 12) setTimeout(() => say('all run'), 50); });
for (const jobId of ${JSON.stringify(ids)}) engine.start(definition, {}, { jobId });
`,
    file,
    'nobody',
  );
  const program = `${WAITING}
say('up');
await heard(file + '.race');
const jobs = [];
for (const jobId of ${JSON.stringify(ids)}) {
  try { jobs.push((await engine.resume(jobId)).job); say('won ' + jobId); } catch (error) { say(error.code + ' ' + jobId); }
}
say('tried');
for (const job of jobs) say(job.id + ' ' + (await job).state);
await engine.close();
`;
  const racers = ['a', 'b'].map((name) => run(program, file, name));
  await Promise.all(racers.map(({ line }) => line(/up/)));
  writeFileSync(`${file}.race`, '');
  await Promise.all(racers.map(({ line }) => line(/tried/)));
  writeFileSync(`${file}.go`, '');
  const [a, b] = await Promise.all(racers.map(async ({ ended }) => (await ended).stdout));
  const journal = sqliteJournal(file);
  for (const id of ids) {
    const told = [a, b].map(
      (stdout) => new RegExp(`^(\\S+) ${id}$`, 'm').exec(stdout?.replace(/^runs .*$/gm, '') ?? '')?.[1],
    );
    expect([...told].sort()).toEqual(['JOB_LEASED', 'won']);
    const winner = told[0] === 'won' ? 'a' : 'b';
    const events = await journal.events(id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at));
    expect(events.filter(({ data }) => data.includes('job.resumed'))).toHaveLength(1);
    expect(events.flatMap(({ output }) => (output?.includes('"by"') ? [output] : []))).toEqual([`{"by":"${winner}"}`]);
    expect(await journal.job(id)).toMatchObject({ state: 'completed', lease: undefined });
  }
  await journal.close();
});

test('a message to a process that is killed when it has received it comes to the next one', async () => {
  const file = join(newFolder(), 'jobs.db');
  const { line, ended } = run(
    `
const journal = sqliteJournal(file);
const dies = { ...journal, receive: (held) => {
  const messages = journal.receive(held);
  if (messages.length === 0) return messages;
  say('received ' + messages.map(({ message }) => JSON.parse(message).type));
  process.kill(process.pid, 'SIGKILL');
} };
const definition = jobFrom('asks', [{ name: 'approve', kind: 'external' }, { name: 'wait', run: () => wait(600_000) }]);
const job = createEngine({ journal: dies, definitions: [definition] }).start(definition, {}, { jobId: 'one' });
job.events$.subscribe(async ({ task, to }) => { if (task === 'wait' && to === 'running') { await job.saved(); say('waits'); } });
`,
    file,
  );
  await line(/waits/);
  const journal = sqliteJournal(file);
  await journal.send('one', JSON.stringify({ type: 'complete', task: 'approve', output: '{"by":"ann"}' }));
  await journal.send('one', JSON.stringify({ type: 'cancel', reason: 'enough' }));
  expect((await ended).stdout).toMatch(/^waits\nreceived complete/);
  const ran: string[] = [];
  const definition = jobFrom('asks', [
    { name: 'approve', kind: 'external' },
    { name: 'wait', run: () => void ran.push('wait') },
  ]);
  const engine = createEngine({ journal, definitions: [definition] });
  const { resumed } = await engine.recover();
  const { state, tasks, error } = (await resumed[0]) as JobResult;
  expect([state, tasks.approve?.state, ran]).toEqual(['cancelled', 'completed', []]);
  expect(error?.message).toContain('enough');
  await engine.close();
  const stored = await kept(file);
  expect(stored.job).toMatchObject({ state: 'cancelled' });
  expect(stored.events.filter((event) => event.type === 'task.log')).toEqual([]);
});

test('a process that was taken for dead writes nothing when it wakes, and tells its program LEASE_LOST', async () => {
  const file = join(newFolder(), 'jobs.db');
  const { child, line, ended } = run(
    `${WAITING}
const job = engine.start(definition, {}, { jobId: 'one' });
const { state, error } = await job;
say(state + ', ' + codes(error));
await engine.close();
`,
    file,
    'sleeper',
  );
  await line(/runs one/);
  const ahead = createEngine({ journal: later(sqliteJournal(file), 7_200_000), definitions: [jobFrom('waiting', [])] });
  // Our clock was set forward. The process is alive and renews its lease, whatever the clock says.
  await expect(ahead.resume('one')).rejects.toMatchObject({ code: 'JOB_LEASED' });
  expect(await ahead.recover()).toEqual({ resumed: [], refused: [] });
  child.kill('SIGSTOP');
  await vi.waitFor(() => expect(stateOf(child.pid)).toBe('T'), WAIT);

  const definition = jobFrom('waiting', [
    { name: 'first', run: () => ({ first: 'again' }) },
    { name: 'second', dependsOn: ['first'], run: () => ({ by: 'us' }) },
  ]);
  const journal = sqliteJournal(file);
  const tooEarly = createEngine({ journal, definitions: [definition] });
  await expect(tooEarly.resume('one')).rejects.toMatchObject({
    code: 'JOB_LEASED',
    message: expect.stringContaining(String(child.pid)),
  });
  const engine = createEngine({ journal: later(journal, 60_000), definitions: [definition] });
  expect(await (await engine.resume('one')).job).toMatchObject({ state: 'completed', ctx: { first: 1, by: 'us' } });
  const before = await kept(file);

  writeFileSync(`${file}.go`, '');
  child.kill('SIGCONT');
  const { stdout, stderr } = await ended;
  expect(stdout).toBe('runs one\nfailed, JOURNAL_FAILED <- LEASE_LOST\n');
  expect(stderr).toBe('');
  expect(await kept(file)).toEqual(before);
  await engine.close();
});

test('a clock that was set forward takes no lease from another journal of the process', async () => {
  const file = join(newFolder(), 'jobs.db');
  const definition = jobFrom('waiting', [{ name: 'first', run: () => new Promise<void>(() => {}) }]);
  const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
  const job = engine.start(definition, {}, { jobId: 'one' });
  await job.saved();
  const ahead = createEngine({ journal: later(sqliteJournal(file), 7_200_000), definitions: [definition] });
  await expect(ahead.resume('one')).rejects.toMatchObject({ code: 'JOB_LEASED' });
  expect(job.state).toBe('running');
  await engine.close({ mode: 'abort' });
});

test('a clock that was set back makes no wait longer than it was', async () => {
  const file = join(newFolder(), 'jobs.db');
  const waits = `
const tries = [];
const definition = jobFrom('waits', [
  { name: 'retried', maxRetries: 1, retry: { backoff: 'fixed', delayMs: 60_000, jitter: 'none' }, run: ({ attempt }) => {
    if (attempt === 1) throw new Error('not yet');
    return { retried: attempt };
  } },
  { name: 'polled', kind: 'sensor', interval: 60_000, check: () => polls++ > 0 },
  { name: 'limited', kind: 'sensor', interval: 1_000_000, deadline: 60_000, continueOnFailure: true, check: () => false },
]);
`;
  await killedAt(
    /3 wait/,
    `let polls = 0;${waits}
const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
const job = engine.start(definition, {}, { jobId: 'one' });
let waiting = 0;
job.events$.subscribe(async ({ to }) => {
  if ((to === 'retrying' || to === 'polling') && ++waiting === 3) { await job.saved(); say('3 wait'); }
});
`,
    file,
  );
  let polls = 1;
  const definition = jobFrom('waits', [
    {
      name: 'retried',
      maxRetries: 1,
      retry: { backoff: 'fixed', delayMs: 60_000, jitter: 'none' },
      run: ({ attempt }) => ({ retried: attempt }),
    },
    { name: 'polled', kind: 'sensor', interval: 60_000, check: () => polls++ > 0 },
    {
      name: 'limited',
      kind: 'sensor',
      interval: 1_000_000,
      deadline: 60_000,
      continueOnFailure: true,
      check: () => false,
    },
  ]);
  const clock = virtualClock(Date.now() - 3_600_000);
  const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition], clock });
  const { job } = await engine.resume('one');
  expect(['retried', 'polled', 'limited'].map((name) => job.task(name).state)).toEqual([
    'retrying',
    'polling',
    'polling',
  ]);
  await clock.advance(60_000);
  const { state, ctx, tasks } = (await job) as JobResult;
  expect([state, ctx.retried, tasks.polled?.state, tasks.limited?.reason]).toEqual([
    'completed',
    2,
    'completed',
    'deadline',
  ]);
  await engine.close();
});

test('a write-ahead log that was cut anywhere gives back an earlier state, from which the job goes on', async () => {
  const folder = newFolder();
  const file = join(folder, 'jobs.db');
  const size = 12;
  const chain = `
const definition = jobFrom('chain', Array.from({ length: ${size} }, (_, at) => ({
  name: 't' + at,
  dependsOn: at === 0 ? [] : ['t' + (at - 1)],
  run: async ({ ctx }) => { if (at === ${size - 1}) { say('at the end'); await wait(600_000); } return { ['t' + at]: (ctx['t' + (at - 1)] ?? 0) + 1 }; },
})));
`;
  await killedAt(
    /at the end/,
    `${chain}
const engine = createEngine({ journal: sqliteJournal(file), definitions: [definition] });
engine.start(definition, {}, { jobId: 'one' });
`,
    file,
  );
  const wal = readFileSync(`${file}-wal`);
  const random = seededRandom(5);
  const found = new Set<number>();
  for (let turn = 0; turn < 20; turn++) {
    const copy = join(folder, `copy-${turn}.db`);
    const cut = Math.floor(random() * wal.length);
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    truncateSync(`${copy}-wal`, cut);
    const ran: string[] = [];
    const definition = jobFrom(
      'chain',
      Array.from({ length: size }, (_, at) => ({
        name: `t${at}`,
        dependsOn: at === 0 ? [] : [`t${at - 1}`],
        run: ({ ctx }: { ctx: Readonly<Record<string, unknown>> }) => {
          ran.push(`t${at}`);
          return { [`t${at}`]: ((ctx[`t${at - 1}`] as number | undefined) ?? 0) + 1 };
        },
      })),
    );
    const engine = createEngine({ journal: sqliteJournal(copy), definitions: [definition] });
    const { resumed, refused } = await engine.recover();
    expect(refused, `cut at ${cut} of ${wal.length}`).toEqual([]);
    for (const job of resumed) {
      const { state, ctx } = (await job) as JobResult;
      expect([state, ctx[`t${size - 1}`]], `cut at ${cut} of ${wal.length}`).toEqual(['completed', size]);
      expect(ran).toEqual(Array.from({ length: ran.length }, (_, at) => `t${size - ran.length + at}`));
    }
    await engine.close();
    const { job, events } = await kept(copy);
    found.add(job ? size - ran.length : -1);
    if (job) expect(lines(events).filter((each) => each.endsWith(' completed'))).toHaveLength(size + 1);
  }
  // The cuts fell into different states of the job.
  expect(found.size).toBeGreaterThan(5);
});
