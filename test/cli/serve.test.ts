import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createEngine, defineJob, type JobState } from 'tintype';
import { createServer } from 'tintype/server';
import { sqliteJournal } from 'tintype/sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { storeOf } from '../../src/server/store/store-of.ts';
import { buildCli, type Started, start, tintype } from '../support/cli.ts';
import { newFile, newFolder } from '../support/sqlite-files.ts';

// Programs on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

// The program as it is published, and its package, which a module inside may import by its name.
let program = '';
let installed = '';
beforeAll(async () => {
  program = await buildCli();
  installed = join(dirname(program), '../..');
  mkdirSync(join(installed, 'app'));
}, 120_000);
afterAll(() => program && rmSync(installed, { recursive: true, force: true }));

const running: Started[] = [];
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

type Serving = Started & { readonly url: string };

/** Starts a server on a free port, and resolves when it listens. */
const serve = async (...args: string[]): Promise<Serving> => {
  const started = start(process.execPath, [program, 'serve', '--port', '0', ...args]);
  running.push(started);
  const [, url = ''] = await started.line(/^Serving (http\S+), jobs in .+\.$/m);
  return { ...started, url };
};

const status = async (url: string, token?: string): Promise<number> =>
  (await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status;

let modules = 0;
/** Writes a module beside the installed package. */
const moduleFile = (text: string): string => {
  const file = join(installed, 'app', `jobs-${modules++}.mjs`);
  writeFileSync(file, text);
  return file;
};

/** A definition `slow` whose task says that it works, and does so until it is told to stop, or for ever. */
const slowModule = (does: string): string =>
  moduleFile(`import { defineJob } from 'tintype';
export const slow = defineJob('slow').task('work', ({ signal }) => {
  console.log('working');
  return ${does};
}).seal();
`);

const FOREVER = 'new Promise(() => setInterval(() => {}, 1000))';

/** A database with a job of the definition `slow`, which its process has left. */
const withLeftJob = async (): Promise<string> => {
  const db = newFile();
  const journal = sqliteJournal(db);
  const engine = createEngine({ journal });
  await engine
    .start(
      defineJob('slow')
        .task('work', () => new Promise(() => {}))
        .seal(),
      {},
      { jobId: 'one' },
    )
    .saved();
  await engine.close({ mode: 'abort', graceMs: 0 });
  await journal.close();
  return db;
};

const stateOfJob = async (db: string): Promise<JobState | undefined> => {
  const journal = sqliteJournal(db);
  const job = await journal.job('one');
  await journal.close();
  return job?.state;
};

describe('tintype serve', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('answers until %s, then exits with %i', async (signal, exitCode) => {
    const db = newFile();
    const { child, url, line, ended } = await serve('--db', db);
    await line(/^Ready: 0 interrupted jobs taken up\.$/m);
    expect([await status(`${url}/healthz`), await status(`${url}/readyz`)]).toEqual([200, 200]);
    expect(await (await fetch(`${url}/api/v1/whoami`)).json()).toMatchObject({ id: 'open' });
    child.kill(signal);
    const { exitCode: code, stderr } = await ended;
    expect(code).toBe(exitCode);
    expect(stderr).toContain(
      `warning: There is no token: whoever uses this machine may do everything. Make one: tintype token create --role admin --db ${db}`,
    );
    expect(stderr).toContain(`${signal}: `);
  });

  test('needs a token as soon as the command line has made one, until the last is revoked', async () => {
    const db = newFile();
    const { url } = await serve('--db', db);
    const { stdout, stderr } = await tintype(['token', 'create', '--db', db, '--role', 'viewer', '--name', 'screen']);
    const secret = stdout.trim();
    const [, id = ''] = /^Token (\w{8}) \(viewer\)\./.exec(stderr) ?? [];
    expect([await status(`${url}/api/v1/info`), await status(`${url}/api/v1/info`, secret)]).toEqual([401, 200]);
    const listed = await tintype(['token', 'list', '--db', db]);
    expect(listed.stdout).toMatch(new RegExp(`^${id} +screen +viewer .* never$`, 'm'));
    expect((await tintype(['token', 'revoke', id, '--db', db])).exitCode).toBe(0);
    expect([await status(`${url}/api/v1/info`, secret), await status(`${url}/api/v1/info`)]).toEqual([401, 200]);
  });

  test('is refused on a database that another one serves, and says which; killed, it gives way at once', async () => {
    const db = newFile();
    const first = await serve('--db', db);
    const second = await start(process.execPath, [program, 'serve', '--port', '0', '--db', db]).ended;
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(`^error: .*process ${first.child.pid} on \\S+\\. .*\\(JOURNAL_LOCKED\\)$`, 'm'),
    );
    expect(await status(`${first.url}/readyz`)).toBe(200);
    first.child.kill('SIGKILL');
    await first.ended;
    const third = await serve('--db', db);
    expect(await status(`${third.url}/healthz`)).toBe(200);
  });

  test('takes up the jobs of a module, whose definitions the installed package made', async () => {
    const db = await withLeftJob();
    const { line, child, ended } = await serve('--db', db, '--module', slowModule(`({ done: 1 })`));
    await line(/^Ready: 1 interrupted job taken up\.$/m);
    await line(/^working$/m);
    await vi.waitFor(async () => expect(await stateOfJob(db)).toBe('completed'), { timeout: 20_000 });
    child.kill('SIGTERM');
    expect((await ended).exitCode).toBe(143);
  });

  test('leaves what runs for longer than --grace to the next server', async () => {
    const db = await withLeftJob();
    const does = `new Promise((_, stop) => signal.addEventListener('abort', () => stop(signal.reason)))`;
    const { child, line, ended } = await serve('--db', db, '--grace', '50ms', '--module', slowModule(does));
    await line(/^working$/m);
    child.kill('SIGTERM');
    expect((await ended).exitCode).toBe(143);
    expect(await stateOfJob(db)).toBe('running');
    const next = await serve('--db', db, '--module', slowModule(`({})`));
    await next.line(/^Ready: 1 interrupted job taken up\.$/m);
    await next.line(/^working$/m);
  });

  test('ends at once at a second signal, whatever runs', async () => {
    const db = await withLeftJob();
    const { child, line, url, ended } = await serve('--db', db, '--grace', '1h', '--module', slowModule(FOREVER));
    await line(/^working$/m);
    child.kill('SIGTERM');
    await vi.waitFor(async () => expect(await status(`${url}/readyz`)).toBe(503), { timeout: 20_000 });
    child.kill('SIGINT');
    expect((await ended).exitCode).toBe(130);
    expect(await stateOfJob(db)).toBe('running');
  });

  test('takes each option from the environment, and the command line goes before it', async () => {
    const folder = newFolder();
    vi.stubEnv('TINTYPE_DB', join(folder, 'env.db'));
    vi.stubEnv('TINTYPE_MAX_BODY', '2KiB');
    vi.stubEnv('TINTYPE_ALLOW_UPLOAD', 'http');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { url, child, ended } = await serve();
    expect(await (await fetch(`${url}/api/v1/info`)).json()).toMatchObject({ maxBodyBytes: 2048, upload: 'http' });
    child.kill('SIGTERM');
    expect((await ended).stdout).toContain(`jobs in ${join(folder, 'env.db')}.`);
    const other = await serve('--db', join(folder, 'line.db'), '--allow-upload');
    expect(await (await fetch(`${other.url}/api/v1/info`)).json()).toMatchObject({ upload: 'external' });
  });
});

/** A folder for PATH whose program that opens browsers writes down what it was given, then exits. Windows and macOS have others. */
const withOpener = (exitCode: number): { readonly opened: string } => {
  const folder = newFolder();
  const opened = join(folder, 'opened');
  writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\necho "$#" "$1" > ${opened}\nexit ${exitCode}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { opened };
};

describe.runIf(process.platform === 'linux')('tintype serve --open', () => {
  test('opens a browser that is signed in, by a link that works once', async () => {
    const db = newFile();
    await tintype(['token', 'create', '--db', db, '--role', 'viewer']);
    const { opened } = withOpener(0);
    const { line, url } = await serve('--db', db, '--open');
    const [, link = ''] = await line(/^This link signs a browser in as an admin, once, within a minute: (\S+)$/m);
    expect(link.startsWith(`${url}/signin?code=`)).toBe(true);
    await vi.waitFor(() => expect(readFileSync(opened, 'utf8')).toBe(`1 ${link}\n`), { timeout: 20_000 });
    const answer = await fetch(link, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await fetch(`${url}/api/v1/tokens`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(401);
  });

  test('without tokens it opens the address; without a browser it says to open the link', async () => {
    withOpener(3);
    const { line, url, child, ended } = await serve('--db', newFile(), '--base-path', '/tin', '--open');
    await line(/^The web UI: http/m);
    await vi.waitFor(async () => expect(await status(`${url}/tin/readyz`)).toBe(200), { timeout: 20_000 });
    child.kill('SIGTERM');
    const { stdout, stderr } = await ended;
    expect(stdout).toContain(`The web UI: ${url}/tin/\n`);
    expect(stderr).toContain('No browser can be opened here');
  });
});

test('tintype serve --demo has jobs that live, in a database that ends with it', async () => {
  const { url, child, ended } = await serve('--demo');
  const list = async () =>
    (await (await fetch(`${url}/api/v1/jobs?from=0&size=100`)).json()) as {
      readonly items?: readonly { readonly name: string; readonly state: string }[];
    };
  await vi.waitFor(
    async () => {
      const running = (await list()).items?.filter(({ state }) => state === 'running').map(({ name }) => name);
      expect(new Set(running)).toEqual(new Set(['daily-sales', 'refund', 'backup', 'simulation', 'publish']));
    },
    { timeout: 20_000 },
  );
  child.kill('SIGTERM');
  const { exitCode, stdout } = await ended;
  const [, db = ''] = /jobs in (.+)\.$/m.exec(stdout) ?? [];
  expect([exitCode, db.includes('tintype-demo-'), existsSync(dirname(db))]).toEqual([143, true, false]);
});

test('tintype ui shows the jobs of a database, also as another process runs them', async () => {
  const db = newFile();
  const started = start(process.execPath, [program, 'ui', '--no-open', '--port', '0', '--db', db]);
  running.push(started);
  const [, url] = await started.line(/^Serving (http\S+), jobs in .+\.$/m);
  await started.line(/^Ready/m);
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const stream = await fetch(`${url}/api/v1/jobs`, { headers: { accept: 'text/event-stream' }, signal: abort.signal });
  const journal = sqliteJournal(db);
  const engine = createEngine({ journal });
  await engine.start(
    defineJob('elsewhere')
      .task('a', () => {})
      .seal(),
    {},
    { jobId: 'other' },
  );
  let text = '';
  for await (const chunk of stream.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/"id":"other","name":"elsewhere","state":"completed"/.test(text)) break;
  }
  await engine.close();
  await journal.close();
  started.child.kill('SIGTERM');
  const { exitCode, stdout } = await started.ended;
  expect([exitCode, stdout.includes('The web UI:')]).toEqual([143, false]);
});

/** The leases of servers that a database has. */
const leases = async (db: string) => {
  const journal = sqliteJournal(db);
  try {
    return await storeOf(journal).list('server');
  } finally {
    await journal.close();
  }
};

/** The command line in this process, for what is refused before anything is served. */
const refused = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await tintype(['serve', '--db', newFile(), '--port', '0', ...args]);
  expect(stdout).toBe('');
  return [exitCode, stderr];
};

describe('tintype serve refuses', () => {
  test('an address that others reach, as long as there is no token', async () => {
    const [exitCode, stderr] = await refused('--host', '0.0.0.0');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: On 0\.0\.0\.0 others could reach the server, .*: tintype token create --role admin --db /,
    );
  });

  test('an address that it can not have, and says which to take', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const db = newFile();
    expect(await refused('--port', String(port), '--db', db)).toEqual([
      2,
      `error: The port ${port} of 127.0.0.1 is in use. Name another one with --port, or 0 for one that is free. (EADDRINUSE)\n`,
    ]);
    expect(await leases(db)).toEqual([]);
  });

  test.each([
    [['--port', '65536'], /0 to 65535/],
    [['--port', 'http'], /0 to 65535/],
    [['--base-path', 'tintype'], /a path such as/],
    [['--max-body', '1MB'], /512KiB/],
    [['--max-body', '0'], /512KiB/],
    [['--synchronous', 'off'], /full, normal/],
    [['--allow-upload', 'all'], /external, http, processes/],
    [['--workers', '0'], /1 or more/],
    [['--prune-after', '0s'], /above 0/],
    [['--upload-secrets', ','], /name a secret/],
    [['--db', ''], /name a file/],
    [['--demo'], /cannot be used with/],
  ])('%j', async (args, message) => {
    expect(await refused(...args)).toEqual([2, expect.stringMatching(message)]);
  });

  test('a file that is no database', async () => {
    const file = join(newFolder(), 'text.db');
    writeFileSync(file, 'no database, but a text that is long enough to be read as one');
    expect(await refused('--db', file)).toEqual([2, expect.stringContaining('NOT_A_JOURNAL')]);
  });

  test.each([
    [
      'a module that is not there',
      undefined,
      /^error: There is no file \S+missing\.mjs\. Name a module with --module\./,
    ],
    ['one that exports nothing', '', /exports nothing\. Export sealed definitions: /],
    ['one that can not be parsed', 'export const = 1', /can't be loaded: \w+Error: /],
    ['one that throws', 'throw new TypeError("no rows")', /can't be loaded: TypeError: no rows/],
    ['one that imports what is not there', 'import "./none.mjs"', /can't be loaded: Error: .*none\.mjs/],
    [
      'one of other exports',
      'export const port = 1; export const f = () => {}',
      /"port" is no sealed definition: .*"f" is no/,
    ],
    [
      'a builder',
      'export class JobBuilder {}; export const a = new JobBuilder()',
      /"a" is not sealed: end it with \.seal\(\)\./,
    ],
    [
      'a definition of another installation',
      'class JobDefinition {}; export const a = new JobDefinition()',
      /"a" was made by another installation of tintype\. .*npx tintype serve/,
    ],
  ])('%s', async (_name, text, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'tintype-module-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, text === undefined ? 'missing.mjs' : 'jobs.mjs');
    if (text !== undefined) writeFileSync(file, text);
    expect(await refused('--module', file)).toEqual([2, expect.stringMatching(message)]);
  });
});

test('a program and the command line can not serve one database at once', async () => {
  const db = newFile();
  const journal = sqliteJournal(db);
  const server = createServer({ journal });
  await server.ready;
  const { exitCode, stderr } = await tintype(['serve', '--db', db, '--port', '0']);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`process ${process.pid}`)]);
  await server.close();
  await journal.close();
});
