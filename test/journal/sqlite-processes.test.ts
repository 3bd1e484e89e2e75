import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundledJournal } from '../support/bundled-journal.ts';
import { start } from '../support/cli.ts';
import { batch, events, lease, newFile, newJob, opened } from '../support/sqlite-files.ts';

let module = '';
beforeAll(async () => {
  module = await bundledJournal();
});
afterAll(() => rmSync(dirname(module), { recursive: true, force: true }));

/** Runs a program in a process of its own. `file` is that of its journal, `argument` what it was given, `say` prints a line. */
const run = (text: string, file: string, argument: unknown = null) =>
  start(process.execPath, [
    '--no-warnings',
    '--input-type=module',
    '--eval',
    `import { sqliteJournal } from ${JSON.stringify(module)};
const file = ${JSON.stringify(file)};
const argument = ${JSON.stringify(argument)};
const say = (line) => process.stdout.write(line + '\\n');
${text}`,
  ]);

test('processes that make one journal at the same time all find it made, and write it together', async () => {
  const file = newFile();
  const program = `
const { at, id, job, lease, batches } = argument;
while (Date.now() < at);
const journal = sqliteJournal(file);
const { created } = await journal.create({ ...job, id: 'by ' + id, key: 'one' }, lease);
await journal.create({ ...job, id }, lease);
for (const batch of batches) await journal.append([batch]);
await journal.close();
say(created ? 'first' : 'later');
`;
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const ended = ids.map((id) => {
    const batches = Array.from({ length: 20 }, (_, at) => batch(id, { events: events(at, at + 1) }));
    return run(program, file, { at: Date.now() + 500, id, job: newJob(id), lease: lease(), batches }).ended;
  });
  const said = (await Promise.all(ended)).map(({ stdout, stderr }) => stdout.trim() + stderr);
  expect(said.sort()).toEqual(['first', 'later', 'later', 'later', 'later']);
  const journal = opened(file);
  for (const id of ids) expect(await journal.events(id)).toEqual(events(0, 20));
  expect(journal.check()).toEqual({ ok: true, problems: [], jobs: 6, events: 100 });
});

test('what was answered as done is there after the process was killed, and its lease is free at once', async () => {
  const file = newFile();
  const { child, line, ended } = run(
    `
const { job, lease, batches } = argument;
const journal = sqliteJournal(file);
const { processStart, ...own } = lease;
await journal.create(job, { ...own, pid: process.pid, processStart: '' });
for (const batch of batches) await journal.append([batch]);
say('done');
setInterval(() => {}, 1000);
`,
    file,
    {
      job: newJob('a'),
      lease: lease(),
      batches: [batch('a', { events: events(0, 3) }), batch('a', { events: events(3, 5) })],
    },
  );
  await line(/done/);
  const journal = opened(file);
  const taking = { owner: 'other' };
  await expect(async () => journal.acquire('a', lease(taking))).rejects.toMatchObject({
    code: 'JOB_LEASED',
    message: expect.stringMatching(new RegExp(`process ${child.pid} `)),
  });
  child.kill('SIGKILL');
  await ended;
  expect((await journal.acquire('a', lease(taking))).fence).toBe(2);
  expect(await journal.events('a')).toEqual(events(0, 5));
});

test('a journal that another process has locked is opened once the lock is gone', async () => {
  const file = newFile();
  const { line, ended } = run(
    `
import { createRequire } from 'node:module';
const { DatabaseSync } = process.getBuiltinModule?.('node:sqlite') ?? createRequire(${JSON.stringify(module)})('@photostructure/sqlite');
const journal = sqliteJournal(file);
await journal.create(argument.job, argument.lease);
await journal.close();
const db = new DatabaseSync(file);
db.exec('BEGIN IMMEDIATE');
say('locked');
// Longer than SQLite itself waits.
setTimeout(() => db.exec('COMMIT'), 400);
`,
    file,
    { job: newJob('a'), lease: lease() },
  );
  await line(/locked/);
  expect(await opened(file).job('a')).toMatchObject({ id: 'a' });
  await ended;
});
