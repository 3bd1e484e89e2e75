import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { notReady } from '../../../src/engine/definition/directive.ts';
import type { TaskFunction } from '../../../src/engine/definition/task-function.ts';
import { NonRetryableError } from '../../../src/engine/errors/errors.ts';
import { loadDriver } from '../../../src/executors/sql/driver.ts';
import { SqlDriverError, SqlError, SqlQueryError, SqlResultError } from '../../../src/executors/sql/error.ts';
import type { SqlQuery } from '../../../src/executors/sql/query.ts';
import { sqlStatements } from '../../../src/executors/sql/scan.ts';
import { sql, sqlReady } from '../../../src/executors/sql/sql.ts';
import { SQLITE_RUNNER, type SqliteRequest } from '../../../src/executors/sql/sqlite-runner.ts';
import { isRunning } from '../../support/cli.ts';
import {
  type DatabaseServer,
  freePort,
  mariadbPrograms,
  PASSWORD,
  postgresPrograms,
  startMariadb,
  startPostgres,
} from '../../support/sql-servers.ts';
import { failureOf, taskScope } from '../../support/task-scope.ts';

describe('a query of SQLite', () => {
  test('yields its rows by column name, and is logged in one line', async () => {
    const ask = asking(pantry());
    expect(await ask('SELECT name, grams FROM fruit ORDER BY name\n')).toEqual([
      { name: 'banana', grams: 120 },
      { name: 'mango', grams: 200 },
    ]);
    expect(ask.lines).toEqual([
      expect.stringMatching(/^info SELECT name, grams FROM fruit ORDER BY name -> 2 rows in \d+ ms$/),
    ]);
  });

  test('without rows tells how many it changed, and the id of what it inserted', async () => {
    const ask = asking(pantry());
    expect(await ask("INSERT INTO fruit (name, grams) VALUES ('kiwi', 75)")).toEqual({ changes: 1, lastInsertId: 3 });
    expect(await ask('UPDATE fruit SET grams = grams + 1')).toEqual({ changes: 3 });
    expect(await ask('WITH heavy AS (SELECT id FROM fruit) DELETE FROM fruit WHERE id IN heavy')).toEqual({
      changes: 3,
    });
    expect(await ask('CREATE TABLE nuts (name)')).toEqual({ changes: 0 });
    expect(ask.lines[0]).toMatch(/-> 1 change in/);
  });

  test('makes the file where there is none', async () => {
    const database = join(folder(), 'new.db');
    await asking(database)('CREATE TABLE fruit (name)');
    expect(await asking(database)('SELECT * FROM fruit')).toEqual([]);
  });

  test('gives values that survive JSON', async () => {
    const query = `SELECT 9007199254740991 safe, 9007199254740993 big, x'00ff' blob, 9e999 infinite, NULL none, 1.5 real,
      'größer' text`;
    expect(await asking()(query)).toEqual([
      {
        safe: 9007199254740991,
        big: '9007199254740993',
        blob: Buffer.from([0, 255]).toString('base64'),
        infinite: 'Infinity',
        none: null,
        real: 1.5,
        text: 'größer',
      },
    ]);
  });

  test('binds a list by position and a mapping by name, and never writes values into the text', async () => {
    const ask = asking(pantry());
    const evil = "x'; DROP TABLE fruit; --";
    expect(await ask('SELECT ? a, ?2 b, ? c', [evil, 2, null])).toEqual([{ a: evil, b: 2, c: null }]);
    expect(await ask('SELECT :a a, $b b, @c c, :a again', { a: evil, $b: 1.5, '@c': true })).toEqual([
      { a: evil, b: 1.5, c: 1, again: evil },
    ]);
    expect(await ask('SELECT ?1 a, ?1 again', [7])).toEqual([{ a: 7, again: 7 }]);
    expect(await ask("SELECT ':x ?', 1 --  ?\n + ? sum /* :y */", [2])).toEqual([{ "':x ?'": ':x ?', sum: 3 }]);
    expect(await ask('SELECT count(*) count FROM fruit')).toEqual([{ count: 2 }]);
  });

  test('binds integers as integers, lists and mappings as JSON', async () => {
    const query = "SELECT typeof(?) small, ? big, ? list, json_extract(?, '$.a.b') nested, typeof(?) blob, ? moment";
    const moment = new Date(0);
    const params = [5, 2n ** 62n, [1, 'b', 3n], { a: { b: 'c' } }, new Uint8Array([1]), moment];
    expect(await asking()(query, params)).toEqual([
      {
        small: 'integer',
        big: String(2n ** 62n),
        list: '[1,"b",3]',
        nested: 'c',
        blob: 'blob',
        moment: '1970-01-01T00:00:00.000Z',
      },
    ]);
  });

  test.each<[string, string, SqlQuery['params'], string]>([
    ['a value that is undefined', 'SELECT :a', { a: undefined }, 'Parameter "a" of the query is undefined'],
    ['a value that is no number', 'SELECT ?', [Number.NaN], 'Parameter 1 of the query is NaN'],
    ['a function', 'SELECT ?', [() => 1], 'Parameter 1 of the query is a function'],
    ['an integer of more than 64 bits', 'SELECT ?', [2n ** 63n], '64 bits at most'],
    ['a name that the query lacks', 'SELECT :a', { a: 1, b: 2 }, 'params has "b", but the query has no place :b'],
    ['a name that is missing', 'SELECT :a, :b', { a: 1 }, 'The query has a place :b, but params has no "b"'],
    ['no parameters for a place', 'SELECT :a', undefined, 'The query has a place :a, but params is empty'],
    ['a list for names', 'SELECT :a', [1], 'params is a list. Give params as a mapping with "a"'],
    ['an empty mapping for a name', 'SELECT :a', {}, 'The query has a place :a, but params is empty'],
    ['nothing for a place', 'SELECT ?', {}, 'The query has 1 place for parameters, but params has 0 values'],
    ['too few', 'SELECT ?, ?', [1], 'The query has 2 places for parameters, but params has 1 value'],
    ['too many', 'SELECT ?', [1, 2], 'The query has 1 place for parameters, but params has 2 values'],
    ['a mapping for places without a name', 'SELECT ?', { a: 1 }, 'The query has a place ?, but params is a mapping'],
    ['several statements', 'SELECT 1; SELECT ?', [1], 'The query holds 2 statements'],
    ['an empty query', ' -- nothing\n', undefined, 'The query holds no statement'],
  ])('refuses %s', async (_what, query, params, message) => {
    const error = await asking().failure(query, params);
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(SqlQueryError);
    expect(error.cause).toMatchObject({ code: 'SQL_INVALID' });
    expect(error.message).toContain(message);
  });

  test('may be several statements, which are one transaction and answer for the last', async () => {
    const ask = asking(pantry());
    const query = `INSERT INTO fruit (name) VALUES ('kiwi; not two');
      -- a comment; with a semicolon
      CREATE TRIGGER heavier AFTER INSERT ON fruit BEGIN
        UPDATE fruit SET grams = grams + 1; UPDATE fruit SET grams = grams + 1;
      END;
      SELECT count(*) count FROM fruit; ;`;
    expect(await ask(query)).toEqual([{ count: 3 }]);
    const error = await ask.failure('DELETE FROM fruit;\nINSERT INTO fruit (name) VALUES (NULL);');
    expect(error.message).toContain('NOT NULL constraint failed: fruit.name (SQLITE_CONSTRAINT) at line 2');
    expect(await ask('SELECT count(*) count FROM fruit')).toEqual([{ count: 3 }]);
  });

  test('may begin and end its transactions itself, but not forget to end one', async () => {
    const ask = asking(pantry());
    await ask("BEGIN; DELETE FROM fruit WHERE name = 'mango'; COMMIT; PRAGMA user_version = 3; VACUUM;");
    expect(await ask('SELECT name FROM fruit')).toEqual([{ name: 'banana' }]);
    const error = await ask.failure('BEGIN; DELETE FROM fruit;');
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.message).toContain('Add COMMIT');
    expect(await ask('SELECT name FROM fruit')).toEqual([{ name: 'banana' }]);
  });

  test.each([
    ['a syntax error', 'SELECT * FORM fruit', 'syntax error', 'SQLITE_ERROR'],
    ['a missing table', 'SELECT * FROM nuts', 'no such table: nuts', 'Create the table first'],
    [
      'a broken constraint',
      "INSERT INTO fruit (name) VALUES ('mango')",
      'UNIQUE constraint failed',
      'SQLITE_CONSTRAINT',
    ],
  ])('is not worth a retry after %s', async (_what, query, message, more) => {
    const error = await asking(pantry()).failure(query);
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(SqlError);
    expect(error.cause).toMatchObject({ code: 'SQL_FAILED', kind: 'refused' });
    for (const text of [message, more, `Query: ${query}`]) expect(error.message).toContain(text);
  });

  test('may be tried again when the file is locked', async () => {
    const database = pantry();
    const blocker = sqliteInteractively(database);
    await blocker.send('BEGIN EXCLUSIVE');
    const error = await asking(database, { busyMs: 1 }).failure('DELETE FROM fruit');
    expect(error).toBeInstanceOf(SqlError);
    expect(error).toMatchObject({ kind: 'busy', driverCode: 'SQLITE_BUSY' });
    expect(error.message).toContain('more than 1 ms');
    const check = scopeFor();
    const looked = await sqlReady(() => ({ database, query: 'SELECT 1 FROM fruit' }), { busyMs: 1 })(check.scope);
    expect(looked).toMatchObject({ reason: expect.stringContaining('database is locked') });
    await blocker.end();
    expect(await asking(database)('DELETE FROM fruit')).toEqual({ changes: 2 });
  });

  test('says what is wrong with the file', async () => {
    const here = folder();
    const text = join(here, 'notes.txt');
    writeFileSync(text, 'no database, but long enough to be looked at. '.repeat(50));
    expect((await asking(text).failure('SELECT * FROM fruit')).message).toContain(`${text} is a file of another kind`);
    expect((await asking(here).failure('SELECT 1 FROM fruit')).message).toContain(`Check that ${here} is a file`);
    const lost = await asking(join(here, 'no/such.db')).failure('SELECT 1');
    expect(lost).toBeInstanceOf(NonRetryableError);
    expect(lost.message).toContain(`the folder of the database does not exist: ${join(here, 'no')}`);
    expect((await asking('sqlite:///pantry.db').failure('SELECT 1')).message).toContain('For SQLite give the path');
    expect((await asking('oracle://host/name').failure('SELECT 1')).message).toContain('scheme oracle:');
    expect((await asking('postgres://host/name').failure('SELECT ?', [1])).message).toContain('write $1, $2 … instead');
  });

  test('whose rows are more than 10 MiB fails without a change', async () => {
    const ask = asking(pantry());
    const error = await ask.failure('UPDATE fruit SET grams = 0 RETURNING hex(zeroblob(3000000))');
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.cause).toBeInstanceOf(SqlResultError);
    expect(error.cause).toMatchObject({ code: 'SQL_RESULT_TOO_LARGE' });
    expect(error.message).toContain('page with LIMIT');
    expect(await ask('SELECT sum(grams) sum FROM fruit')).toEqual([{ sum: 320 }]);
  });

  test('warns of columns of one name', async () => {
    const ask = asking();
    expect(await ask('SELECT 1 a, 2 a, 3 b')).toEqual([{ a: 2, b: 3 }]);
    expect(ask.lines[1]).toBe(
      'warn Several columns are called a: only the last of each is kept. Name them apart with AS.',
    );
  });

  test('is killed when its attempt is aborted, and changes nothing', async () => {
    const database = pantry();
    const { scope, abort } = scopeFor();
    const reason = new Error('enough');
    const run = sql(() => ({ database, query: `DELETE FROM fruit WHERE (${ENDLESS}) > 0` }))(scope);
    await until(() => runnersAt(database).length === 1);
    const [pid] = runnersAt(database);
    abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(isRunning(pid as number)).toBe(false);
    expect(await asking(database)('SELECT count(*) count FROM fruit')).toEqual([{ count: 2 }]);
  });

  test('does not outlive its program, however that ends', async () => {
    const database = pantry();
    const request: SqliteRequest = {
      path: database,
      readOnly: false,
      busyMs: 0,
      driver: import.meta.resolve('@photostructure/sqlite'),
      statements: [{ text: `DELETE FROM fruit WHERE (${ENDLESS}) > 0`, writes: true }],
      transaction: true,
      named: {},
      listed: [],
      most: 1,
      maxBytes: 1,
    };
    const program = `
      const child = require('node:child_process').spawn(process.execPath,
        ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', ${JSON.stringify(SQLITE_RUNNER)}],
        { detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
      child.stdin.end(${JSON.stringify(JSON.stringify(request))});`;
    const parent = spawn(process.execPath, ['--eval', program], { stdio: 'ignore' });
    await until(() => runnersAt(database).length === 1);
    const [pid] = runnersAt(database);
    parent.kill('SIGKILL');
    await until(() => !isRunning(pid as number));
  });

  test('works on the SQLite of the package where Node brings none', () => {
    const request = { path: ':memory:', statements: [{ text: 'SELECT 1 one' }], named: {}, listed: [], most: 1 };
    const input = JSON.stringify({
      ...request,
      busyMs: 0,
      maxBytes: 99,
      driver: import.meta.resolve('@photostructure/sqlite'),
    });
    const without = `process.getBuiltinModule = () => undefined;${SQLITE_RUNNER}`;
    const stdio: ['pipe', 'pipe', 'inherit', 'pipe'] = ['pipe', 'pipe', 'inherit', 'pipe'];
    const run = (text: string) =>
      execFileSync(process.execPath, ['--input-type=module', '--eval', without], { input: text, stdio }).toString();
    expect(JSON.parse(run(input))).toEqual({ rows: [{ one: 1 }], columns: ['one'] });
    expect(JSON.parse(run(input.replace(/,"driver":"[^"]*"/, '')))).toEqual({ problem: 'driver' });
  });
});

describe('a look at SQLite', () => {
  test('is ready with the first row, and not before there is one', async () => {
    const database = pantry();
    const look = (query: string, params?: SqlQuery['params']) =>
      sqlReady(() => ({ database, query, params }))(scopeFor().scope);
    expect(await look('SELECT name FROM fruit ORDER BY name')).toEqual({ name: 'banana' });
    expect(await look('SELECT name FROM fruit WHERE grams > ?', [500])).toEqual(notReady('no row yet'));
    await expect(look('SELECT name FROM nuts')).rejects.toThrow('no such table: nuts');
  });

  test('waits for the file, and never makes or changes it', async () => {
    const database = join(folder(), 'later/pantry.db');
    const look = (path: string, query: string) => sqlReady(() => ({ database: path, query }))(scopeFor().scope);
    expect(await look(database, 'SELECT 1')).toEqual(notReady(`${database} does not exist yet`));
    expect(existsSync(database)).toBe(false);
    await expect(look(pantry(), 'DELETE FROM fruit')).rejects.toThrow('Only reading is allowed');
  });
});

describe('statements are told apart', () => {
  test.each([
    ['SELECT \';\' AS "a;b", [c;d], `e;f`; SELECT 2', 'sqlite', 2],
    [
      'CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END; SELECT 3',
      'sqlite',
      2,
    ],
    ["SELECT 'it''s'; SELECT 'open; to the end", 'sqlite', 2],
    ["SELECT 'it\\'s; one' # and; this\n; SELECT 5--;", 'mysql', 2],
    ['/* one; two */ ; ;', 'mysql', 0],
  ] as const)('%s', (text, dialect, count) => {
    expect(sqlStatements(text, dialect)).toHaveLength(count);
  });
});

test('a driver that is not installed is named with what to do', async () => {
  const loading = loadDriver('PostgreSQL', 'surely-no-such-driver', (otherwise) =>
    import('surely-no-such-driver' as string).catch(otherwise),
  );
  const error = await loading.catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(NonRetryableError);
  expect((error as Error).cause).toBeInstanceOf(SqlDriverError);
  expect((error as Error).cause).toMatchObject({ code: 'SQL_DRIVER_MISSING', driver: 'surely-no-such-driver' });
  expect((error as Error).message).toContain('npm install surely-no-such-driver');
});

describe.each(['postgres', 'mysql'])('a %s server that is not there', (scheme) => {
  const passwordIn = (port: number) => `${scheme}://me:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/pantry`;

  test('is worth a retry, and something to wait for', async () => {
    const database = passwordIn(await freePort());
    const error = await asking(database).failure('SELECT 1');
    expect(error).toBeInstanceOf(SqlError);
    expect(error).toMatchObject({ kind: 'connection', driverCode: 'ECONNREFUSED' });
    expect(error.message).not.toContain('hush');
    const answer = await sqlReady(() => ({ database, query: 'SELECT 1' }))(scopeFor().scope);
    expect(answer).toEqual(notReady(error.message));
  });

  test('or does not answer is waited for only so long, and not after an abort', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const database = passwordIn((mute.address() as { port: number }).port);
    const error = await asking(database, { connectMs: 50 }).failure('SELECT 1');
    expect(error).toMatchObject({ kind: 'connection', driverCode: 'ETIMEDOUT' });
    expect(error.message).toContain('did not answer within 50 ms');
    const { scope, abort } = scopeFor();
    const met = once(mute, 'connection');
    const run = sql(() => ({ database, query: 'SELECT 1' }))(scope);
    const [socket] = await met;
    const hungUp = once(socket, 'close');
    socket.resume();
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await hungUp;
    mute.close();
  });

  test('is not shown with its password when its URL can not be read', async () => {
    const error = await asking(`${scheme}://me:hush@127.0.0.1:port/pantry`).failure('SELECT 1');
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.message).toContain("can't be read");
    expect(error.message).not.toContain('hush');
  });
});

const required = process.env.TINTYPE_TEST_DATABASES === 'required';

/** Tests against a real server; without its programs they are skipped, out loud, or fail where they are required. */
const withServer = (
  name: string,
  programs: string | undefined,
  start: (programs: string) => Promise<DatabaseServer>,
  tests: (url: () => string) => void,
): void => {
  if (programs === undefined && !required) {
    console.warn(`${name} is not installed: its tests are skipped. scripts/install-databases.sh installs it.`);
  }
  describe.skipIf(programs === undefined && !required)(name, () => {
    let server: DatabaseServer;
    beforeAll(async () => {
      if (programs === undefined)
        throw new Error(`${name} is required, but not installed: scripts/install-databases.sh`);
      server = await start(programs);
    }, 60_000);
    afterAll(() => server?.stop());
    tests(() => server.url);
  });
};

withServer('PostgreSQL', postgresPrograms(), startPostgres, (url) => {
  test('yields rows that survive JSON', async () => {
    const query = `SELECT 1::int4 small, 5::int8 safe, 9007199254740993 big, 1.10::numeric exact, 'NaN'::float8 nan,
      '\\x00ff'::bytea bytes, '{"a": [1]}'::jsonb json, '2024-02-29'::date date, '2024-02-29 12:00'::timestamp local,
      '2024-02-29 12:00+02'::timestamptz moment, '{1,9007199254740993}'::int8[] list, '{1.10}'::numeric[] exacts,
      '{2024-02-29}'::date[] dates, NULL none, true yes, '1 day'::interval span`;
    expect(await asking(url())(query)).toEqual([
      {
        small: 1,
        safe: 5,
        big: '9007199254740993',
        exact: '1.10',
        nan: 'NaN',
        bytes: 'AP8=',
        json: { a: [1] },
        date: '2024-02-29',
        local: '2024-02-29 12:00:00',
        moment: '2024-02-29T10:00:00.000Z',
        list: [1, '9007199254740993'],
        exacts: ['1.10'],
        dates: ['2024-02-29'],
        none: null,
        yes: true,
        span: '1 day',
      },
    ]);
  });

  test('binds lists by $n, and says so of a mapping', async () => {
    const ask = asking(url());
    const evil = "x'; DROP TABLE fruit; --";
    const query = 'SELECT $1::text a, $2::int + 1 b, $3::jsonb c, $4::bool d, $5::int8 e, $6::text f';
    expect(await ask(query, [evil, 2, [1, { x: 2n }], false, 2n ** 62n, null])).toEqual([
      { a: evil, b: 3, c: [1, { x: 2 }], d: false, e: String(2n ** 62n), f: null },
    ]);
    expect((await ask.failure('SELECT $1', { a: 1 })).message).toContain('Write $1, $2 … in the query');
    expect((await ask.failure('SELECT $1::int; SELECT 2', [1])).message).toContain('one statement alone');
    expect((await ask.failure('SELECT $1::int', [1, 2])).message).toContain('supplies 2 parameters');
    expect((await ask.failure('SELECT $1::int')).message).toContain('Give params a value for each $n');
  });

  test('takes several statements as one transaction, and answers for the last', async () => {
    const ask = asking(url());
    expect(await ask('CREATE TABLE fruit (name text PRIMARY KEY)')).toEqual({ changes: 0 });
    expect(await ask("INSERT INTO fruit VALUES ('mango'), ('kiwi')")).toEqual({ changes: 2 });
    expect(await ask("INSERT INTO fruit VALUES ('fig'); SELECT name FROM fruit ORDER BY name")).toEqual([
      { name: 'fig' },
      { name: 'kiwi' },
      { name: 'mango' },
    ]);
    expect(await ask('SELECT name FROM fruit; SELECT name FROM fruit WHERE false')).toEqual([]);
    expect(await ask('SELECT name FROM fruit; DELETE FROM fruit WHERE false')).toEqual({ changes: 0 });
    const error = await ask.failure("DELETE FROM fruit;\nINSERT INTO fruit VALUES ('fig'), ('fig')");
    expect(error.message).toContain('(23505)');
    expect(error.message).toContain('Key (name)=(fig) already exists');
    expect(await ask('SELECT count(*) FROM fruit')).toEqual([{ count: 3 }]);
    expect((await ask.failure('BEGIN; DELETE FROM fruit')).message).toContain('Add COMMIT');
    expect(await ask('SELECT count(*) FROM fruit')).toEqual([{ count: 3 }]);
  });

  test('tells where an error is, and which are worth a retry', async () => {
    const ask = asking(url());
    const missing = await ask.failure("SELECT 'größer 🥭',\n  1 FROM nuts");
    expect(missing).toBeInstanceOf(NonRetryableError);
    expect(missing.cause).toMatchObject({ driverCode: '42P01', position: { line: 2, column: 10 } });
    expect(missing.message).toContain('at line 2, column 10');
    const late = await ask.failure('SET statement_timeout = 1; SELECT pg_sleep(60)');
    expect(late).toBeInstanceOf(SqlError);
    expect(late).toMatchObject({ kind: 'busy', driverCode: '57014' });
    const wrong = await asking(url().replace('hush', 'wrong')).failure('SELECT 1');
    expect(wrong).toBeInstanceOf(NonRetryableError);
    expect(wrong.message).toContain('Correct user and password');
    expect(wrong.message).not.toContain('wrong-hush');
    const nowhere = await asking(url().replace(/postgres$/, 'attic')).failure('SELECT 1');
    expect(nowhere.message).toContain('database "attic" does not exist (3D000)');
  });

  test('stops at 10 MiB of rows', async () => {
    const error = await asking(url()).failure("SELECT repeat('x', 1000000) FROM generate_series(1, 1000)");
    expect(error.cause).toBeInstanceOf(SqlResultError);
  });

  test('is cancelled on the server when its attempt is aborted', async () => {
    const running = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    const { scope, abort } = scopeFor();
    const run = sql(() => ({ database: url(), query: 'SELECT pg_sleep(600)' }))(scope);
    await until(async () => ((await asking(url())(running)) as unknown[]).length === 1);
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await until(async () => ((await asking(url())(running)) as unknown[]).length === 0);
  });

  test('is ready with the first row', async () => {
    const look = (query: string) => sqlReady(() => ({ database: url(), query }))(scopeFor().scope);
    expect(await look('SELECT n FROM generate_series(1, 3) n')).toEqual({ n: 1 });
    expect(await look('SELECT 1 WHERE false')).toEqual(notReady('no row yet'));
    await expect(look('SELECT 1 FROM nuts')).rejects.toThrow('relation "nuts" does not exist');
  });
});

withServer('MariaDB', mariadbPrograms(), startMariadb, (url) => {
  test('yields rows that survive JSON', async () => {
    const query = `SELECT 5 safe, 9007199254740993 big, 1.10 exact, x'00ff' bytes, DATE '2024-02-29' date,
      TIMESTAMP '2024-02-29 12:00:00' local, NULL none, 'größer 🥭' text`;
    const row = {
      safe: 5,
      big: '9007199254740993',
      exact: '1.10',
      bytes: 'AP8=',
      date: '2024-02-29',
      local: '2024-02-29 12:00:00',
      none: null,
      text: 'größer 🥭',
    };
    expect(await asking(url())(query)).toEqual([row]);
    expect(await asking(url())(`${query}, ? + 1 bound`, [1])).toEqual([{ ...row, bound: 2 }]);
  });

  test('keeps the digits of the numbers in JSON', async () => {
    const ask = asking(url());
    await ask('CREATE TABLE menu (id INT, dish JSON)');
    await ask(
      `INSERT INTO menu VALUES (1, '{"id": 9007199254740993, "g": [1.5, 1e400], "name": "größer 🥭"}'), (2, NULL)`,
    );
    const rows = [{ dish: { id: '9007199254740993', g: [1.5, '1e400'], name: 'größer 🥭' } }, { dish: null }];
    expect(await ask('SELECT dish FROM menu ORDER BY id')).toEqual(rows);
    expect(await ask('SELECT dish FROM menu WHERE id < ? ORDER BY id', [3])).toEqual(rows);
  });

  test('binds lists by ? and mappings by :name', async () => {
    const ask = asking(url());
    const evil = "x'; DROP TABLE fruit; -- \\";
    expect(await ask("SELECT ? a, ? + 1 b, ? c, ? d, ':e ?' e", [evil, 2, [1, { x: 2n }], null])).toEqual([
      { a: evil, b: 3, c: '[1,{"x":2}]', d: null, e: ':e ?' },
    ]);
    expect(await ask('SELECT :a a, :n n, :a again LIMIT :n', { a: evil, n: 1 })).toEqual([
      { a: evil, n: 1, again: evil },
    ]);
    expect(await ask('SELECT ? + 0 big', [9007199254740993n])).toEqual([{ big: '9007199254740993' }]);
    expect((await ask.failure('SELECT :a', { b: 1 })).message).toContain('params has no "a"');
    expect((await ask.failure('SELECT ?')).message).toContain('has 1 place for parameters');
    expect((await ask.failure('SELECT ?; SELECT 2', [1])).message).toContain('The query holds 2 statements');
  });

  test('takes several statements as one transaction, and answers for the last', async () => {
    const ask = asking(url());
    expect(await ask('CREATE TABLE fruit (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) UNIQUE)')).toEqual({
      changes: 0,
    });
    expect(await ask("INSERT INTO fruit (name) VALUES ('mango')")).toEqual({ changes: 1, lastInsertId: 1 });
    expect(await ask("INSERT INTO fruit (name) VALUES ('fig'); SELECT name FROM fruit ORDER BY name")).toEqual([
      { name: 'fig' },
      { name: 'mango' },
    ]);
    expect(await ask('SELECT name FROM fruit; DELETE FROM fruit WHERE false')).toEqual({ changes: 0 });
    const error = await ask.failure("DELETE FROM fruit;\nINSERT INTO fruit (name) VALUES ('fig'), ('fig')");
    expect(error).toBeInstanceOf(NonRetryableError);
    expect(error.message).toContain('(ER_DUP_ENTRY)');
    expect((await ask.failure('START TRANSACTION; DELETE FROM fruit')).message).toContain('Add COMMIT');
    expect(await ask('SELECT count(*) count FROM fruit')).toEqual([{ count: 2 }]);
    await ask("CREATE PROCEDURE ripe() BEGIN SELECT name FROM fruit WHERE name = 'fig'; END");
    expect(await ask('CALL ripe()')).toEqual([{ name: 'fig' }]);
  });

  test('tells where an error is, and which are worth a retry', async () => {
    const ask = asking(url());
    const syntax = await ask.failure('SELECT 1,\n FORM nuts x y');
    expect(syntax).toBeInstanceOf(NonRetryableError);
    expect(syntax.cause).toMatchObject({ driverCode: 'ER_PARSE_ERROR', position: { line: 2 } });
    const late = await ask.failure('SET STATEMENT max_statement_time = 0.001 FOR SELECT SLEEP(60)');
    expect(late).toBeInstanceOf(SqlError);
    expect(late).toMatchObject({ kind: 'busy' });
    const wrong = await asking(url().replace('hush', 'wrong')).failure('SELECT 1');
    expect(wrong).toBeInstanceOf(NonRetryableError);
    expect(wrong.message).toContain('Correct user and password');
    expect(wrong.message).not.toContain('wrong-hush');
    expect((await asking(url().replace(/pantry$/, 'attic')).failure('SELECT 1')).message).toContain("'attic'");
  });

  test('stops at 10 MiB of rows', async () => {
    const error = await asking(url()).failure("SELECT repeat('x', 1000000) FROM seq_1_to_1000");
    expect(error.cause).toBeInstanceOf(SqlResultError);
  });

  test('is cancelled on the server when its attempt is aborted', async () => {
    const running =
      "SELECT id FROM information_schema.processlist WHERE info LIKE '%endless%' AND id <> connection_id()";
    const { scope, abort } = scopeFor();
    const run = sql(() => ({ database: url(), query: ENDLESS_CROSS }))(scope);
    await until(async () => ((await asking(url())(running)) as unknown[]).length === 1);
    abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await until(async () => ((await asking(url())(running)) as unknown[]).length === 0);
  });

  test('is ready with the first row', async () => {
    const look = (query: string) => sqlReady(() => ({ database: url(), query }))(scopeFor().scope);
    expect(await look('SELECT seq n FROM seq_1_to_3')).toEqual({ n: 1 });
    expect(await look('SELECT 1 FROM dual WHERE false')).toEqual(notReady('no row yet'));
    await expect(look('SELECT 1 FROM nuts')).rejects.toThrow("doesn't exist");
  });
});

/** Of one that waits, MariaDB notices by itself that its client is gone. */
const ENDLESS_CROSS = 'SELECT count(*) endless FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b';

/** A query that goes on for ever. */
const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n';

const folder = (): string => mkdtempSync(join(tmpdir(), 'tintype-'));

/** An SQLite file with a table of two fruits. */
const pantry = (): string => {
  const database = join(folder(), 'pantry.db');
  const text = `CREATE TABLE fruit (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, grams INTEGER);
    INSERT INTO fruit (name, grams) VALUES ('banana', 120), ('mango', 200);`;
  execFileSync(process.execPath, ['--input-type=commonjs', '--eval', OPEN_SQLITE, database, text]);
  return database;
};

const OPEN_SQLITE = `const { DatabaseSync } = require('@photostructure/sqlite');
  const db = new DatabaseSync(process.argv[1]);
  db.exec(process.argv[2] ?? '');`;

/** Another program with the file open: it runs each line that it is sent. */
const sqliteInteractively = (database: string) => {
  const program = `${OPEN_SQLITE}
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      db.exec(line);
      console.log('done');
    });`;
  const child = spawn(process.execPath, ['--input-type=commonjs', '--eval', program, database], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return {
    send: async (line: string) => {
      child.stdin.write(`${line}\n`);
      await once(child.stdout, 'data');
    },
    end: async () => {
      child.stdin.end();
      await once(child, 'close');
    },
  };
};

const scopeFor = () => {
  const lines: string[] = [];
  const controller = new AbortController();
  const scope = taskScope(controller.signal, (line) => void lines.push(line));
  return { scope, lines, abort: (reason: Error) => controller.abort(reason) };
};

/** Asks a database, each query in an attempt of its own. */
const asking = (database = ':memory:', options?: Parameters<typeof sql>[1]) => {
  const lines: string[] = [];
  const ask = async (query: string, params?: SqlQuery['params']): Promise<unknown> => {
    const attempt = scopeFor();
    const task: TaskFunction = sql(() => ({ database, query, params }), options);
    try {
      return await task(attempt.scope);
    } finally {
      lines.push(...attempt.lines);
    }
  };
  const failure = (query: string, params?: SqlQuery['params']) => failureOf(ask(query, params));
  return Object.assign(ask, { failure, lines });
};

const until = (isSo: () => boolean | Promise<boolean>): Promise<void> =>
  vi.waitFor(async () => expect(await isSo()).toBe(true), { timeout: 20_000, interval: 20 });

/** The other processes that have a file open. */
const runnersAt = (file: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => openFiles(pid).includes(file))
    .map(Number);

const openFiles = (pid: string): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((descriptor) => readlinkSync(`/proc/${pid}/fd/${descriptor}`));
  } catch {
    return [];
  }
};
