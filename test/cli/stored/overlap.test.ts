import { EventEmitter } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildCli, type Captured, start, tintype } from '../../support/cli.ts';
import { testServer } from '../../support/server.ts';
import { opened } from '../../support/sqlite-files.ts';
import { interrupted, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Tells in `log` that it runs, and ends once there is a file `go`. */
const waits = (overlap: string): string => `
name: nightly
overlap: ${overlap}
tasks:
  - { name: load, type: bash, command: 'echo load >> log; echo up; until [ -e go ]; do sleep 0.01; done' }
`;

type Project = ReturnType<typeof project>;

const run = ({ file, db }: Project, args: readonly string[] = [], signals = new EventEmitter()): Promise<Captured> =>
  tintype(['run', file, '--db', db, ...args], { signals });

const jobsIn = async ({ db }: Project, ...args: string[]) =>
  JSON.parse((await tintype(['jobs', '--json', '--db', db, ...args])).stdout) as readonly {
    readonly id: string;
    readonly state: string;
    readonly createdAt: number;
    readonly startedAt: number;
    readonly endedAt: number;
  }[];

let program = '';
beforeAll(async () => {
  program = await buildCli();
}, 60_000);
afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

/** Runs the file in a process of its own: a command here waits for all that this process has started. */
const started = ({ file, db }: Project) => start(process.execPath, [program, 'run', file, '--db', db]);

/** A job of the file that runs, and how to let it end. */
const running = async (made: Project) => {
  const { ended, line } = started(made);
  await line(/\| up/);
  return { ended, go: () => writeFileSync(join(made.folder, 'go'), '') };
};

/** A job that waits for the one that runs. */
const waiting = async (made: Project) => {
  const signals = new EventEmitter();
  const ended = run(made, [], signals);
  await vi.waitFor(async () => expect(await jobsIn(made, '--state', 'idle')).toHaveLength(1), 20_000);
  const [{ id = '' } = {}] = await jobsIn(made, '--state', 'idle');
  // A signal is heard by the display of the job, and by what waits.
  await vi.waitFor(() => expect(signals.listenerCount('SIGINT')).toBe(2), 20_000);
  return { ended, id, signals };
};

describe('overlap of a workflow file', () => {
  test('retry, rerun and resume run beside other jobs of its name, and say so', async () => {
    const made = project(waits('skip'));
    const { db } = made;
    const begun = await running(made);
    begun.go();
    await begun.ended;
    const [{ id = '' } = {}] = await jobsIn(made);
    const again = (command: string, ...args: string[]) =>
      tintype([command, id, '--db', db, ...args], { signals: new EventEmitter() });
    const alone = await again('rerun', '--from', 'load');
    expect(alone).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('warning') });
    rmSync(join(made.folder, 'go'));
    const other = await running(made);
    await interrupted(made.file, db, 2);
    const warning =
      /^warning: Runs beside \S{8} \(nightly\), of process \d+.*: "overlap: skip" of the file counts for new jobs alone\.$/m;
    expect((await again('retry', '--task', 'load', '--dry-run')).stderr).not.toMatch(warning);
    const commands = [
      again('retry', '--task', 'load'),
      again('rerun', '--from', 'load'),
      tintype(['resume', 'dead', '--db', db], { signals: new EventEmitter() }),
      again('rerun', '--from', 'load', '--quiet'),
    ];
    // The one in the other process, and the four commands.
    await vi.waitFor(
      async () => expect((await jobsIn(made)).filter(({ state }) => state === 'running')).toHaveLength(5),
      30_000,
    );
    other.go();
    const [retried, rerun, resumed, quiet] = await Promise.all(commands);
    for (const { exitCode, stderr } of [retried, rerun, resumed] as Captured[]) {
      expect(exitCode).toBe(0);
      expect(stderr).toMatch(warning);
    }
    expect(quiet).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('Runs beside') });
  });

  test('skip: starts nothing beside a job of its name; --overlap goes before it', async () => {
    const made = project(waits('skip'));
    const first = await running(made);
    expect(await run(made)).toMatchObject({
      exitCode: 75,
      stderr: expect.stringMatching(/^Not started \(overlap: skip\): \S{8} \(nightly\) is not over: process \d+ /),
    });
    first.go();
    expect((await run(made, ['--overlap', 'allow'])).exitCode).toBe(0);
    expect((await first.ended).exitCode).toBe(0);
    expect((await run(made)).exitCode).toBe(0);
  });

  test('queue: waits visibly for the job before it, and then runs', async () => {
    const made = project(waits('queue'));
    const first = await running(made);
    const second = await waiting(made);
    first.go();
    const { exitCode, stderr } = await second.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^Waits for the end of \S{8} \(nightly\), of process \d+ on \S+ \(overlap: queue\)\.$/m);
    const [newest, oldest] = await jobsIn(made);
    expect(newest?.id).toBe(second.id);
    expect(newest?.startedAt).toBeGreaterThanOrEqual(oldest?.endedAt ?? Number.NaN);
  });

  test.each([
    ['SIGINT', 130, 'cancelled'],
    ['SIGTERM', 75, 'interrupted'],
  ])('queue: %s ends the wait, and nothing of the job runs', async (signal, exitCode, state) => {
    const made = project(waits('queue'));
    const first = await running(made);
    const second = await waiting(made);
    second.signals.emit(signal, signal);
    expect((await second.ended).exitCode).toBe(exitCode);
    expect((await jobsIn(made)).find(({ id }) => id === second.id)?.state).toBe(state);
    first.go();
    expect((await first.ended).exitCode).toBe(0);
    expect(made.log()).toEqual(['load']);
    if (state !== 'interrupted') return;
    expect((await tintype(['resume', second.id, '--db', made.db])).exitCode).toBe(0);
    expect(made.log()).toEqual(['load', 'load']);
  });

  test('queue: tintype cancel ends a job that waits', async () => {
    const made = project(waits('queue'));
    const first = await running(made);
    const second = await waiting(made);
    expect((await tintype(['cancel', second.id, '--db', made.db])).exitCode).toBe(0);
    expect((await second.ended).exitCode).toBe(130);
    first.go();
    await first.ended;
    expect(made.log()).toEqual(['load']);
  });

  test('cancel: cancels the job before it, and runs once that is over', async () => {
    const made = project(waits('cancel'));
    const first = await running(made);
    const ended = run(made);
    expect((await first.ended).exitCode).toBe(130);
    await vi.waitFor(() => expect(made.log()).toEqual(['load', 'load']), 20_000);
    first.go();
    const { exitCode, stderr } = await ended;
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^Cancels, and waits for the end of \S{8} /m)]);
    expect((await jobsIn(made)).map(({ state }) => state)).toEqual(['completed', 'cancelled']);
  });

  test('does not count without a database, which is said', async () => {
    const made = project(waits('queue'));
    writeFileSync(join(made.folder, 'go'), '');
    expect(await tintype(['run', made.file, '--no-db'])).toMatchObject({
      exitCode: 0,
      stderr: 'warning: "overlap: queue" of the file does not count, as only the database tells of other jobs.\n',
    });
    const refused = await tintype(['run', made.file, '--no-db', '--overlap', 'queue']);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('--overlap needs the database')]);
  });
});

describe('several processes at once', () => {
  test('with overlap: queue run one after the other', async () => {
    const made = project(`
name: nightly
overlap: queue
tasks:
  - { name: load, type: bash, command: 'echo begin >> log; until [ -e go ]; do sleep 0.01; done; echo end >> log' }
`);
    const all = [1, 2, 3, 4].map(() => started(made).ended);
    await vi.waitFor(async () => {
      expect(await jobsIn(made, '--state', 'idle')).toHaveLength(3);
      expect(made.log()).toEqual(['begin']);
    }, 30_000);
    writeFileSync(join(made.folder, 'go'), '');
    expect((await Promise.all(all)).map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(made.log()).toEqual(Array(4).fill(['begin', 'end']).flat());
  });

  test('with overlap: queue run one after the other, those of a server too', async () => {
    const made = project(`
name: nightly
overlap: queue
tasks:
  - { name: load, type: bash, command: 'echo begin >> log; until [ -e go ]; do sleep 0.01; done; echo end >> log' }
`);
    const { server, call } = await testServer({ journal: opened(made.db), workflows: made.folder });
    const request = () => call('POST', '/jobs', { body: { definition: 'nightly' } });
    const commands = [1, 2].map(() => started(made).ended);
    await Promise.all([request(), request()]);
    await vi.waitFor(async () => {
      expect(await jobsIn(made)).toHaveLength(4);
      expect(made.log()).toEqual(['begin']);
    }, 30_000);
    await request();
    writeFileSync(join(made.folder, 'go'), '');
    expect((await Promise.all(commands)).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    await vi.waitFor(() => expect(made.log()).toEqual(Array(5).fill(['begin', 'end']).flat()), 30_000);
    await server.close();
  });

  test('with overlap: queue go on when the one that runs is killed', async () => {
    const made = project(waits('queue'));
    const first = started(made);
    await first.line(/\| up/);
    const second = await waiting(made);
    first.child.kill('SIGKILL');
    await first.ended;
    await vi.waitFor(() => expect(made.log()).toEqual(['load', 'load']), 30_000);
    writeFileSync(join(made.folder, 'go'), '');
    expect((await second.ended).exitCode).toBe(0);
  });
});
