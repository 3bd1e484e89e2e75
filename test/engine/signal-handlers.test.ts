import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildCli, start } from '../support/cli.ts';

// Many programs at once on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

/** Where the library is, as it is published. */
let folder = '';
beforeAll(async () => {
  folder = join(dirname(await buildCli()), '../..');
}, 60_000);
afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));

let programs = 0;

/** Runs a program as a process of its own. `say` prints a line, `wait` takes its time, `engine` is at hand. */
const run = (program: string) => {
  const file = join(folder, `program-${programs++}.mjs`);
  writeFileSync(
    file,
    `import { createEngine, installSignalHandlers, jobFrom } from './dist/index.js';
const say = (line) => console.log(line);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const listening = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
process.on('exit', (code) => say('exit ' + code));
${program}`,
  );
  return start(process.execPath, [file]);
};

/** A job of tasks, of which the first does `body` and then prints `done`; `signalled` waits for a signal, and a little longer. */
const twoTasks = (body: string, options = '{}'): string => `
const alive = setInterval(() => {}, 1_000);
const signalled = new Promise((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2']) process.once(signal, () => setTimeout(resolve, 50));
}).then(() => clearInterval(alive));
const engine = createEngine();
const job = engine.start(jobFrom('job', [
  { name: 'first', run: async ({ signal }) => { say('ready'); ${body}; say('done'); } },
  { name: 'second', dependsOn: ['first'], run: () => say('second') },
  { name: 'clean', dependsOn: ['second'], trigger: 'always', run: () => say('clean') },
]));
job.then(({ state, tasks }) => say('job ' + state + ', first ' + tasks.first.state));
installSignalHandlers(engine, ${options});
`;

/** Longer than any of the tests below waits for. */
const LONG = 'await wait(600_000)';

describe.concurrent('a program with installSignalHandlers', () => {
  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('on %s lets what runs finish, starts nothing else, cleans up, and exits with %i', async ([
    signal,
    exitCode,
  ]) => {
    const { child, line, ended } = run(twoTasks('await signalled'));
    await line(/ready/);
    child.kill(signal);
    const end = await ended;
    expect(end.stdout.split('\n')).toEqual([
      'ready',
      'done',
      'clean',
      'job cancelled, first completed',
      `exit ${exitCode}`,
      '',
    ]);
    expect([end.exitCode, end.signal, end.stderr]).toEqual([exitCode, null, '']);
  });

  test('on a second signal aborts what still runs, and exits with the number of the first', async () => {
    const { child, line, ended } = run(
      `process.on('SIGINT', () => say('seen'));\n${twoTasks('await Promise.race([wait(600_000), listening(signal)])')}`,
    );
    await line(/ready/);
    child.kill('SIGINT');
    await line(/seen/);
    child.kill('SIGTERM');
    const end = await ended;
    expect(end.stdout).toBe('ready\nseen\nclean\njob cancelled, first cancelled\nexit 130\n');
    expect(end.exitCode).toBe(130);
  });

  test('on a third exits at once, whatever goes on', async () => {
    const { child, line, ended } = run(`
let signals = 0;
process.on('SIGTERM', () => say('signal ' + ++signals));
const engine = createEngine();
engine.start(jobFrom('job', [{ name: 'deaf', run: async () => { say('ready'); ${LONG}; } }]), {}, { graceMs: 600_000 });
installSignalHandlers(engine);
`);
    await line(/ready/);
    for (const count of [1, 2]) {
      child.kill('SIGTERM');
      await line(new RegExp(`signal ${count}`));
    }
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    const end = await ended;
    expect([end.exitCode, end.signal]).toEqual([143, null]);
    expect(end.stdout).toBe('ready\nsignal 1\nsignal 2\nsignal 3\nexit 143\n');
  });

  test.for([
    ['throws', `() => { throw new Error('no disk'); }`],
    ['rejects', `async () => { throw new Error('no disk'); }`],
    ['throws a promise that rejects', `() => { throw Promise.reject(new Error('no disk')); }`],
  ])('exits, with a warning, when exit %s', async ([, exit]) => {
    const { child, line, ended } = run(twoTasks('await signalled', `{ exit: ${exit} }`));
    await line(/ready/);
    child.kill('SIGTERM');
    const { stdout, stderr, exitCode } = await ended;
    expect(stdout).toContain('job cancelled, first completed\nexit 143\n');
    expect(stderr).toContain('TINTYPE_SHIELDED');
    expect(stderr).toMatch(/"exit" of installSignalHandlers threw: .* The process exits\./);
    expect(exitCode).toBe(143);
  });

  test('after graceMs ends without a task that does not listen', async () => {
    const { child, line, ended } = run(twoTasks(LONG, '{ graceMs: 200 }'));
    await line(/ready/);
    child.kill('SIGTERM');
    const end = await ended;
    expect(end.stdout).toBe('ready\nclean\njob cancelled, first cancelled\nexit 143\n');
    expect(end.exitCode).toBe(143);
  });

  test('without a job exits at once, before and after there were some', async () => {
    for (const jobs of ['', `await engine.start(jobFrom('job', [{ name: 'a', run: () => {} }]));`]) {
      const { child, line, ended } = run(`
const engine = createEngine();
installSignalHandlers(engine);
${jobs}
say('ready');
setInterval(() => {}, 1_000);
`);
      await line(/ready/);
      child.kill('SIGTERM');
      expect((await ended).stdout).toBe('ready\nexit 143\n');
    }
  });

  test('does not keep the process alive, and leaves its exit code alone', async () => {
    const { ended } = run(`
const engine = createEngine();
installSignalHandlers(engine);
await engine.start(jobFrom('job', [{ name: 'a', run: () => say('done') }]));
`);
    expect(await ended).toMatchObject({ exitCode: 0, stdout: 'done\nexit 0\n' });
  });

  test.for([
    ['once the engine has closed', 'await engine.close()'],
    ['when asked to', 'remove()'],
  ])('takes its handlers away %s: signals then do what they did before', async ([, away]) => {
    const { child, line, ended } = run(`
const engine = createEngine();
const before = process.listenerCount('SIGTERM');
const remove = installSignalHandlers(engine);
const during = process.listenerCount('SIGTERM');
${away};
say('handlers ' + [before, during, process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]);
setInterval(() => {}, 1_000);
`);
    await line(/handlers 0,1,0,0/);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ signal: 'SIGTERM' });
  });

  test('hears other signals when told to, and those alone', async () => {
    const { child, line, ended } = run(twoTasks('await signalled', `{ signals: ['SIGHUP', 'SIGUSR2'] }`));
    await line(/ready/);
    child.kill('SIGUSR2');
    expect(await ended).toMatchObject({ exitCode: 140, stdout: expect.stringContaining('done\nclean\n') });
  });

  test('calls `exit` of the program instead of ending it', async () => {
    const { child, line, ended } = run(
      twoTasks('await signalled', `{ exit: (code) => { say('would exit with ' + code); process.exitCode = 7; } }`),
    );
    await line(/ready/);
    child.kill('SIGTERM');
    const end = await ended;
    expect(end.stdout).toBe('ready\ndone\nclean\njob cancelled, first completed\nwould exit with 143\nexit 7\n');
    expect(end.exitCode).toBe(7);
  });

  test('exits after a close that was already under way', async () => {
    const { child, line, ended } = run(`${twoTasks('await signalled')}
await wait(50);
engine.close();
say('closing');
`);
    await line(/closing/);
    child.kill('SIGTERM');
    const end = await ended;
    expect(end.stdout).toContain('done\nclean\njob cancelled, first completed\nexit 143\n');
  });

  test('refuses what it can not do, and installs nothing', async () => {
    const { ended } = run(`
const engine = createEngine();
for (const [given, options] of [
  [engine, { signals: ['SIGTREM'] }],
  [engine, { signals: ['SIGTERM', 'SIGKILL'] }],
  [engine, { signals: 'SIGTERM' }],
  [engine, { graceMs: -1 }],
  [engine, { graceMs: NaN }],
  [engine, { exit: 0 }],
  [engine, { grace: 5 }],
  [{}, {}],
]) {
  try {
    installSignalHandlers(given, options);
    say('accepted ' + JSON.stringify(options));
  } catch (error) {
    say(error.code);
  }
}
say(process.listenerCount('SIGTERM'));
installSignalHandlers(engine, { signals: ['SIGTERM', 'SIGTERM'] });
say(process.listenerCount('SIGTERM'));
`);
    const end = await ended;
    expect(end.stdout).toBe(`${'INVALID_OPTION\n'.repeat(8)}0\n1\nexit 0\n`);
  });
});
