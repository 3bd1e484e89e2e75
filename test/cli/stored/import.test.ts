import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createEngine, defineJob } from 'tintype';
import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, MAX_PROBLEMS, readJobFile } from '../../../src/cli/stored/job-file.ts';
import { namedPlaces } from '../../../src/cli/stored/named-places.ts';
import { tintype } from '../../support/cli.ts';
import { newFile, opened } from '../../support/sqlite-files.ts';
import { CHECKED, interrupted, linesOf, project } from '../../support/stored-jobs.ts';

const CHUNK = 1024 * 1024;

type Line = Record<string, never>;

/** The lines of an exported job, parsed, without the last. */
const exportedLines = async (): Promise<Line[]> => {
  const { file, db } = project(CHECKED);
  await tintype(['run', file, '--db', db]);
  const { stdout } = await tintype(['export', 'last', '--db', db]);
  return stdout
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};

/** An export file of these lines, whose end fits them. */
const fileOf = (lines: readonly unknown[]): string => {
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${text}${JSON.stringify({ end: { lines: lines.length, sha256 } })}\n`;
};

const importing = async (text: string, db = newFile()) => {
  const { exitCode, stderr, stdout } = await tintype(['import', '--db', db], { stdin: Readable.from([text]) });
  return { exitCode, stderr, stdout, jobs: await opened(db).jobs() };
};

const set = (lines: Line[], at: number, path: string, value: unknown): void => {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let owner: Record<string, unknown> = lines[at] as Line;
  for (const key of keys) owner = owner[key] as Record<string, unknown>;
  if (value === undefined) delete owner[last];
  else owner[last] = value;
};

describe('tintype import', () => {
  test('takes a file whose end fits', async () => {
    expect(await importing(fileOf(await exportedLines()))).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('takes over labels, and needs none', async () => {
    const lines = await exportedLines();
    set(lines, 0, 'job.labels', { team: 'data' });
    expect((await importing(fileOf(lines))).jobs).toMatchObject([{ labels: { team: 'data' } }]);
    set(lines, 0, 'job.labels', undefined);
    expect((await importing(fileOf(lines))).jobs).toMatchObject([{ labels: {} }]);
  });

  const HEAD = 0;
  const EVENT = 2;
  const ODD: readonly (readonly [number, string, unknown])[] = [
    [HEAD, 'job.state', 'lost'],
    [HEAD, 'job.state', 'completed'],
    [HEAD, 'job.id', 7],
    [HEAD, 'job.createdAt', 'now'],
    [HEAD, 'job.lastSeq', 1],
    [HEAD, 'job.fingerprint', '0'.repeat(64)],
    [HEAD, 'input', []],
    [HEAD, 'input', { $tintype: 'Date', value: 'never' }],
    [HEAD, 'options', { maxConcurrency: 'many' }],
    [HEAD, 'options', { unheardOf: 1 }],
    [HEAD, 'metadata', null],
    [HEAD, 'job.labels', ['team']],
    [HEAD, 'job.labels', { team: 7 }],
    [HEAD, 'job.labels', { 'a b': 'c' }],
    [HEAD, 'shape', {}],
    [HEAD, 'shape', ['nightly', [['a', 'b', false]]]],
    [HEAD, 'shape', ['nightly', [['a', ['a', 1], false]]]],
    [HEAD, 'shape', ['nightly', [['a', [], false, { job: ['inner', 'none'] }]]]],
    [HEAD, 'shape', ['nightly', [['a', [], false, { trigger: 'never' }]]]],
    [EVENT, 'event.task', undefined],
    [EVENT, 'event.task', 5],
    [EVENT, 'event.to', 'lost'],
    [EVENT, 'event.type', 'task.vanished'],
    [EVENT, 'event.at', null],
    [EVENT, 'event.jobId', 'other'],
    [EVENT, 'event.error', { message: 'nameless' }],
    [EVENT, 'event', null],
    [EVENT, 'output', { $tintype: 'Map', value: 1 }],
    [EVENT, 'seq', 'two'],
  ];
  test.each(ODD)('refuses line %i with %s = %j, and names the field', async (at, path, value) => {
    const lines = await exportedLines();
    set(lines, at, path, value);
    const { exitCode, stderr, jobs } = await importing(fileOf(lines));
    expect([exitCode, jobs]).toEqual([2, []]);
    expect(stderr).toMatch(new RegExp(`^error: Nothing was imported: line ${at + 1} of the standard input is wrong: `));
    expect(stderr).toContain('(IMPORT_INVALID)');
    if (path !== 'job.lastSeq' && path !== 'event.jobId' && typeof value !== 'object')
      expect(stderr).toContain(path.split('.').at(-1));
  });

  test.each([
    ['stop', { to: 'lost', mode: 'abort' }],
    ['stop', { to: 'failed', mode: 'abort', cause: 'text' }],
    ['items', { attempt: 1, items: 'ab' }],
    ['input', { attempt: 1 }],
    ['branch', [1]],
    ['again', 'a'],
    ['held', 1],
    ['limits', 1],
    ['priority', '1'],
    ['claim', { owner: 'me', attempt: 1 }],
    ['odd', 1],
    ['checkpoint', { $tintype: 'BigInt', value: 'x' }],
    ['checkpoint', undefined],
  ])('refuses a note "%s" that is %j', async (note, value) => {
    const { exitCode, stderr, jobs } = await importing(
      fileOf([...(await exportedLines()), { note, task: 'a', value }]),
    );
    expect([exitCode, jobs]).toEqual([2, []]);
    expect(stderr).toContain('(IMPORT_INVALID)');
  });

  /** An exported job whose nested job refers to the outputs inside, and the line of what collects them. */
  const withReferences = async () => {
    const inner = defineJob('inner')
      .task('a', () => ({ a: 'a'.repeat(200) }))
      .map('b', { over: [1] }, () => 'b'.repeat(200))
      .seal();
    const definition = defineJob('job')
      .job('inner', {}, inner)
      .task('after', { dependsOn: ['inner'] }, () => {})
      .seal();
    const db = newFile();
    await createEngine({ journal: opened(db) }).start(definition, {}, { jobId: 'one' });
    const { stdout } = await tintype(['export', 'one', '--db', db]);
    const lines: Line[] = stdout
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    const at = lines.findIndex(
      ({ event, output }) => output && (event as unknown as { readonly task: string }).task === 'inner',
    );
    const reference = (lines[at]?.output as unknown as { inner: { a: { value: [number, string] } } }).inner.a.value;
    const items = lines.findIndex(
      ({ event, output }) => output && (event as unknown as { readonly task: string }).task === 'inner/b[0]',
    );
    return { definition, lines, at, reference, items };
  };

  test('takes references to outputs in lines before, which then read the same', async () => {
    const { definition, lines } = await withReferences();
    const db = newFile();
    expect(await importing(fileOf(lines), db)).toMatchObject({ exitCode: 0, stderr: '' });
    const engine = createEngine({ journal: opened(db), definitions: [definition] });
    const { job } = await engine.rerun('one', { from: 'after', jobId: 'two' });
    expect((await job).ctx).toEqual({ inner: { a: 'a'.repeat(200), b: ['b'.repeat(200)] } });
    const { stdout } = await tintype(['logs', 'one', '--json', '--db', db]);
    expect(stdout).toContain(`"output":{"inner":{"a":"${'a'.repeat(200)}","b":["${'b'.repeat(200)}"]}}`);
  });

  test.each([
    ['to no event', () => [9_999, 'a'], 'refers to the key "a" of the output of event 9999'],
    ['to no key', ([seq]: [number, string]) => [seq, 'z'], 'refers to the key "z" of the output of event'],
    [
      'to itself',
      (_: [number, string], own: number) => [own, 'inner'],
      'refers to the key "inner" of the output of event',
    ],
    ['to a task that is in no nested job', () => 0, 'refers to the output of event 0'],
    ['of no form', () => [1, 2], 'A Output in the journal is damaged'],
  ])('refuses a reference %s, in outputs and notes', async (_, targetOf, message) => {
    const { lines, at, reference } = await withReferences();
    const value = targetOf(reference, lines[at]?.seq as unknown as number);
    const wrong = { $tintype: 'Output', value };
    const note = { note: 'checkpoint', task: 'inner', value: [wrong] };
    if (value !== 0 && !(value as unknown[]).includes('inner')) {
      const { exitCode, stderr } = await importing(fileOf([...lines, note]));
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
    set(lines, at, 'output.inner.a', wrong);
    const { exitCode, stderr, jobs } = await importing(fileOf(lines));
    expect([exitCode, stderr, jobs]).toEqual([2, expect.stringContaining(message), []]);
    expect(stderr).toContain(`line ${at + 1} of`);
  });

  test('refuses a reference in the output of an item', async () => {
    const { lines, items, reference } = await withReferences();
    set(lines, items, 'output', { $tintype: 'Output', value: reference });
    const { exitCode, stderr } = await importing(fileOf(lines));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('but is that of an item')]);
  });

  test('tells all that is wrong at once', async () => {
    const lines = await exportedLines();
    set(lines, 0, 'job.name', 7);
    set(lines, 2, 'event.task', undefined);
    set(lines, 2, 'event.attempt', -1);
    set(lines, 3, 'event.to', 'lost');
    const { stderr } = await importing(fileOf(lines));
    const told = [...stderr.matchAll(/line (\d+) of the standard input is wrong: "([\w.]+)"/g)].map((match) =>
      match.slice(1),
    );
    expect(told).toEqual([
      ['1', 'job.name'],
      ['3', 'event.task'],
      ['3', 'event.attempt'],
      ['4', 'event.to'],
    ]);
  });

  test('stops after so many faults', async () => {
    const { stderr } = await importing(fileOf([...(await exportedLines()), ...new Array(5_000).fill('{')]));
    expect(stderr.trimEnd().split('\n')).toHaveLength(MAX_PROBLEMS + 1);
  });

  test('refuses what is nested too deeply, and takes what is not', async () => {
    const lines = await exportedLines();
    const deep = (levels: number): string =>
      `{"note":"checkpoint","task":"a","value":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect((await importing(fileOf([...lines, deep(MAX_DEPTH)]))).exitCode).toBe(0);
    for (const levels of [MAX_DEPTH + 1, 200_000]) {
      const { exitCode, stderr } = await importing(fileOf([...lines, deep(levels)]));
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('(IMPORT_TOO_DEEP)')]);
    }
  });

  test.each([
    ['a line', Buffer.alloc(CHUNK), 4 * CHUNK],
    ['a file', Buffer.from(`${' '.repeat(CHUNK - 1)}\n`), 8 * CHUNK],
  ])('reads %s without end only up to its limit', async (what, chunk, limit) => {
    let read = 0;
    async function* endless() {
      for (;;) {
        read += chunk.length;
        yield chunk;
      }
    }
    await expect(readJobFile(endless(), { lineBytes: 4 * CHUNK, fileBytes: 8 * CHUNK })).rejects.toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ code: 'IMPORT_TOO_LONG' })]),
    });
    expect(read, what).toBeLessThanOrEqual(limit + 2 * chunk.length);
  });
});

describe('what an imported job names', () => {
  test('is told, and used only with a word of consent', async () => {
    const { file, db, log } = project(CHECKED);
    await interrupted(file, db, 3);
    const { stdout: text } = await tintype(['export', 'dead', '--db', db]);
    const other = newFile();
    const imported = await tintype(['import', '--db', other], { stdin: Readable.from([text]) });
    expect(imported.stdout).toContain(`It names the file ${file}.`);
    for (const argv of [
      ['resume', 'dead'],
      ['resume', 'dead', '--file', file],
      ['cancel', 'dead'],
    ]) {
      const { exitCode, stderr } = await tintype([...argv, '--db', other]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`the file ${file}`)]);
      expect(stderr).toContain('tintype resume dead --trust');
    }
    expect(log()).not.toContain('report');
    writeFileSync(join(file, '..', 'ok'), '');
    expect((await tintype(['resume', 'dead', '--trust', '-q', '--db', other])).exitCode).toBe(0);
    expect(linesOf(join(file, '..', 'log'))).toContain('report');
    const again = await tintype(['rerun', 'dead', '--from', 'report', '--db', other]);
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('--trust')]);
  });

  test('is data for the functions of a program, which is told of it and asks for itself', async () => {
    const definition = defineJob('fetch')
      .task('page', () => ({ path: '/etc/hosts' }))
      .external('approval', { dependsOn: ['page'] })
      .task('use', { dependsOn: ['page', 'approval'] }, ({ ctx }) => ({ used: ctx }))
      .seal();
    const [db, other] = [newFile(), newFile()];
    const first = createEngine({ journal: opened(db) });
    const left = first.start(definition, { url: 'https://evil.example/x' }, { jobId: 'one' });
    await left.output('page');
    await first.close();
    const { stdout } = await tintype(['export', 'one', '--db', db]);
    await tintype(['import', '--db', other], { stdin: Readable.from([stdout]) });

    const journal = opened(other);
    const { imported } = JSON.parse((await journal.job('one'))?.metadata ?? '');
    expect(imported).toEqual({ files: ['/etc/hosts'], hosts: ['evil.example'] });
    const engine = createEngine({ journal, definitions: [definition] });
    const [job] = (await engine.recover()).resumed;
    job?.task('approval').complete({});
    expect((await job)?.ctx).toMatchObject({ used: { url: 'https://evil.example/x', path: '/etc/hosts' } });
  });

  test('are its workflow file, paths and hosts, wherever they stand', () => {
    const texts = [
      JSON.stringify({
        url: 'https://me:word@api.example.com:8443/x',
        list: ['see http://b.example/y', '/etc/passwd'],
      }),
      JSON.stringify({ 'postgres://db.local/x': '~/data', plain: 'no / path', nested: [{ deep: './up' }] }),
    ];
    expect(namedPlaces('flow.yaml', texts)).toEqual({
      files: ['flow.yaml', '/etc/passwd', '~/data', './up'],
      hosts: ['api.example.com:8443', 'b.example', 'db.local'],
    });
  });
});
