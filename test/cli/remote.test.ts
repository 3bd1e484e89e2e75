import { EventEmitter } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Role } from '../../src/server/access/principal.ts';
import type { ServerOptions } from '../../src/server/service/server-options.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { type Captured, tintype } from '../support/cli.ts';
import { HTTP_WORDS, LIBRARY_WORDS } from '../support/library-words.ts';
import { type Served, served } from '../support/served.ts';
import { batch, lease, newFile, newFolder, newJob, opened } from '../support/sqlite-files.ts';

const nightly = defineJob<{ day?: number; load?: boolean }>('nightly')
  .task('extract', ({ log }) => {
    log.info('page 1');
    return { rows: 3 };
  })
  .task('load', { dependsOn: ['extract'] }, ({ ctx }) => {
    if (ctx.load !== true) throw new Error('no such table: rows');
  })
  .task('tidy', { continueOnFailure: true }, () => {
    throw new Error('nothing to tidy');
  })
  .map('each', { dependsOn: ['extract'], over: ['a', 'b'] }, ({ item, log }) => {
    log.info(`item ${item}`);
    return { item };
  })
  .task('report', { dependsOn: ['load'] }, () => {})
  .seal();

const approval = defineJob('approval')
  .task('draft', () => ({ text: 'soup' }))
  .external('approve', { dependsOn: ['draft'] })
  .seal();

const greet = `
name: greet
params: { times: 2 }
tasks:
  - name: hello
    type: bash
    env: { TIMES: "\${{ params.times }}" }
    command: echo "hello $TIMES"
`;

const open: Served[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

type Ask = (...args: string[]) => Promise<Captured>;

const serve = async (options: Partial<ServerOptions> = {}): Promise<Served & { readonly ask: Ask }> => {
  const one = await served({ definitions: [nightly, approval], ...options });
  open.push(one);
  const ask: Ask = async (...args) => {
    const answer = await tintype(['--server', one.url, ...args]);
    const { stderr } = answer;
    // A person at the command line has neither an engine nor, at hand, HTTP.
    if (stderr.startsWith('error: ')) expect(stderr).not.toMatch(LIBRARY_WORDS);
    if (stderr.startsWith('error: ')) expect(stderr).not.toMatch(HTTP_WORDS);
    return answer;
  };
  return { ...one, ask };
};

/** A server keeps the stacks of errors to itself. */
const withoutStacks = (text: string): string => text.replace(/,"stack":"(?:[^"\\]|\\.)*"/g, '');

const withoutTimes = (text: string): string =>
  text
    .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, 'hh:mm:ss.mmm')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'DATE')
    .replace(/\b[\d.]+m?s\b/g, '#');

describe('jobs of a server', () => {
  test('are listed, shown and printed as those of a database', async () => {
    const db = newFile();
    const journal = opened(db);
    const { server, ask } = await serve({ journal });
    await server.engine.start(nightly, { day: 1 }, { jobId: 'abc-1', onFailure: 'continue', labels: { team: 'data' } });
    await server.engine.start(nightly, { load: true }, { jobId: 'abd-2' });
    for (const args of [
      ['jobs'],
      ['jobs', '--json'],
      ['jobs', '--state', 'failed', '--name', 'nightly', '--label', 'team=data', '--since', '1h', '--limit', '1'],
      ['show', 'abc'],
      ['show', 'last', '--graph'],
      ['logs', 'abc-1'],
      ['logs', 'abc-1', 'each'],
      ['logs', 'abc-1', '--json'],
      ['logs', 'abc-1', '--follow'],
    ]) {
      const here = await tintype([...args, '--db', db]);
      expect(here.stdout, args.join(' ')).not.toBe('');
      const there = await ask(...args);
      expect({ ...there, stdout: withoutStacks(there.stdout) }, args.join(' ')).toEqual({
        ...here,
        stdout: withoutStacks(here.stdout),
      });
    }
    const [here, there] = await Promise.all([
      tintype(['show', 'abc', '--json', '--db', db]),
      ask('show', 'abc', '--json'),
    ]);
    const { fingerprint: _, options: __, ...facts } = JSON.parse(withoutStacks(here.stdout));
    expect(JSON.parse(there.stdout)).toEqual(facts);
  });

  test('are listed with their params, and found by them', async () => {
    const [db, workflows] = [newFile(), newFolder()];
    writeFileSync(join(workflows, 'greet.yaml'), greet);
    const { ask, url, server } = await serve({ journal: opened(db), workflows });
    await server.engine.start(nightly, { load: true });
    for (const times of [2, 3]) await ask('run', 'greet', '-p', `times=${times}`, '--quiet');
    for (const args of [['jobs'], ['jobs', '--param', 'times=3'], ['jobs', '--param', 'times=4'], ['jobs', '--json']]) {
      const here = await tintype([...args, '--db', db], { columns: 80 });
      expect(await tintype(['--server', url, ...args], { columns: 80 })).toEqual(here);
    }
    expect((await ask('jobs', '--param', 'times=3')).stdout).toMatch(/ PARAMS\n.*greet .* times=3\n$/);
  });

  test('are named as in a database', async () => {
    const { server, url, ask } = await serve();
    expect(await ask('show', 'last')).toMatchObject({ exitCode: 2, stderr: `error: There is no job in ${url}.\n` });
    for (const jobId of ['abc-1', 'abd-2']) await server.engine.start(nightly, {}, { jobId });
    expect((await ask('show', 'ab')).stderr).toContain('2 jobs begin with "ab".');
    expect(await ask('logs', 'x')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('The nearest are:') });
    expect((await ask('logs', 'abc', 'laod')).stderr).toBe(
      `error: abc-1 (nightly) has no task "laod". Did you mean "load"? tintype --server ${url} show abc-1 lists them.\n`,
    );
  });

  test('are shown as interrupted, with the command that goes on with them', async () => {
    const db = newFile();
    const journal = opened(db);
    journal.create(newJob('lost', { name: 'other' }), lease({ owner: 'gone', pid: 4_194_400 }));
    journal.append([batch('lost', { state: 'running', at: Date.now(), startedAt: Date.now() })]);
    const { server, url, ask } = await serve({ journal });
    await server.engine.start(nightly, {}, { jobId: 'abc-1' });
    const { stdout } = await ask('jobs', '--state', 'interrupted');
    expect(stdout).toMatch(/^JOB .*\nlost +other +interrupted .*\nAn interrupted job goes on with: .*\n$/);
    expect(stdout).toContain(`goes on with: tintype --server ${url} resume lost\n`);
    expect((await ask('retry', 'lost')).stderr).toBe(
      `error: lost (other) can't be tried again: it is interrupted. It has to go on first: tintype --server ${url} resume lost\n`,
    );
    const { exitCode, stderr } = await ask('resume', 'lost');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: The server does not know the definition of job "lost", .* \(DEFINITION_NOT_FOUND\)\n$/,
    );
  });

  test('are listed beyond what one answer holds', async () => {
    const { server, ask } = await serve();
    for (let at = 0; at < 203; at++) server.engine.start(approval, {}, { jobId: `job-${at}` });
    const { stdout } = await ask('jobs', '--json');
    expect(new Set(JSON.parse(stdout).map(({ id }: { id: string }) => id)).size).toBe(203);
  });

  test('are followed through broken connections, to their end', async () => {
    const { server, asked, cut, ask } = await serve();
    const job = server.engine.start(approval, {}, { jobId: 'a' });
    const following = ask('logs', 'a', '--follow');
    const streams = () => asked.filter((one) => one === 'GET /jobs/a/events').length;
    await vi.waitFor(() => expect(streams()).toBe(3));
    for (const count of [4, 5]) {
      cut();
      await vi.waitFor(() => expect(streams()).toBe(count));
    }
    job.task('approve').complete();
    await job;
    const { exitCode, stdout, stderr } = await following;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(withoutTimes(stdout)).toBe(`hh:mm:ss.mmm  draft     running
hh:mm:ss.mmm  draft     completed in #
hh:mm:ss.mmm  approve   running
hh:mm:ss.mmm  approve   completed in #
hh:mm:ss.mmm  approval  completed in #
`);
  });

  test('tell what attempts that are not over printed last', async () => {
    const db = newFile();
    const clock = virtualClock();
    const chatty = defineJob('chatty')
      .task('talks', async ({ log, signal }) => {
        for (const n of [1, 2, 3, 4]) log.info(`line ${n}`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      })
      .seal();
    const { server, ask } = await serve({ journal: opened(db), clock, definitions: [chatty] });
    const job = server.engine.start(chatty, {}, { jobId: 'a', logs: { first: 1, last: 2 } });
    await clock.advance(6_000);
    for (const args of [
      ['logs', 'a'],
      ['logs', 'a', 'talks'],
      ['logs', 'a', '--json'],
    ]) {
      const here = await tintype([...args, '--db', db]);
      expect(here.stdout.includes('line 4'), args.join(' ')).toBe(!args.includes('--json'));
      expect(await ask(...args)).toEqual(here);
    }
    job.cancel();
    await clock.advance(1);
  });

  test('have tasks of nested jobs that have not begun', async () => {
    const db = newFile();
    const child = defineJob('child')
      .task('inner', { continueOnFailure: true }, () => {})
      .seal();
    const parent = defineJob('parent')
      .external('gate')
      .job('outer', { dependsOn: ['gate'] }, child)
      .seal();
    const { server, ask } = await serve({ journal: opened(db), definitions: [parent] });
    const job = server.engine.start(parent, {}, { jobId: 'a' });
    await job.saved();
    for (const task of ['outer', 'outer/inner', 'outer/iner', 'outer/inner/x']) {
      const here = await tintype(['logs', 'a', task, '--db', db]);
      const there = await ask('logs', 'a', task);
      expect([here.exitCode, there.exitCode]).toEqual(task === 'outer' || task === 'outer/inner' ? [0, 0] : [2, 2]);
      expect(there.stderr.replace(/tintype --server \S+/, 'tintype')).toBe(here.stderr.replace(` --db ${db}`, ''));
    }
    server.engine.job('a')?.task('gate').complete();
    await job;
  });

  test('Ctrl-C stops following, and leaves the job alone', async () => {
    const { server, url, asked } = await serve();
    const job = server.engine.start(approval, {}, { jobId: 'a' });
    const signals = new EventEmitter();
    const following = tintype(['--server', url, 'logs', 'a', '--follow'], { signals });
    await vi.waitFor(() => expect(asked.filter((one) => one === 'GET /jobs/a/events')).toHaveLength(3));
    signals.emit('SIGINT', 'SIGINT');
    expect((await following).exitCode).toBe(130);
    expect(job.state).toBe('running');
  });
});

describe('run', () => {
  test('starts a job of a definition, and displays it to its end', async () => {
    const { url, ask, journal } = await serve();
    const { exitCode, stdout, stderr } = await ask(
      'run',
      'nightly',
      '--label',
      'team=data',
      '--on-failure',
      'continue',
    );
    expect(exitCode).toBe(1);
    const [job] = await journal.jobs();
    expect(job).toMatchObject({ name: 'nightly', labels: { team: 'data' } });
    const id = job?.id.slice(0, 8);
    expect(stdout).toMatch(/extract {2}\| page 1\n/);
    expect(stdout).toMatch(/\ntidy +failed +1 .* nothing to tidy \(allowed to fail\)\n/);
    expect(withoutTimes(stdout)).toMatch(/\nnightly failed in #: 2 completed, 2 failed, 1 skipped\n$/);
    expect(stderr).toBe(`${id} (nightly) runs at ${url}. Ctrl-C leaves it there.
First error: Task "load" failed in attempt 1: no such table: rows (TASK_FAILED)
To try again what did not complete:
  tintype --server ${url} retry ${id}
`);
  });

  test('has a live view on a terminal, and says where what was printed is', async () => {
    const { url, journal } = await serve();
    const { stdout, stderr } = await tintype(['--server', url, 'run', 'nightly', '-p', 'load=true'], { columns: 80 });
    expect(stdout).not.toContain('page 1');
    const [{ id } = { id: '' }] = await journal.jobs();
    expect(stderr).toContain(`tintype --server ${url} logs ${id.slice(0, 8)}`);
  });

  test('gives params: those of a file as its types are, those of a program as JSON', async () => {
    const workflows = newFolder();
    writeFileSync(join(workflows, 'greet.yaml'), greet);
    const { ask, journal } = await serve({ workflows });
    const greeted = await ask('run', 'greet', '-p', 'times=3', '--quiet');
    expect(greeted).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect((await ask('logs', 'last')).stdout).toContain('| hello 3\n');
    expect((await ask('run', 'greet', '-p', 'time=3')).stderr).toMatch(
      /^error: .*There is no param "time"\. Did you mean "times"\?.*\(INVALID_INPUT\)\n$/,
    );
    expect((await ask('run', 'nightly', '-p', 'load=true', '-p', 'day=2')).exitCode).toBe(0);
    const [job] = await journal.jobs({ limit: 1 });
    expect(JSON.parse(job?.input ?? '')).toEqual({ load: true, day: 2 });
  });

  test('the same key is the same job', async () => {
    const { ask, journal } = await serve();
    const args = ['run', 'nightly', '-p', 'load=true', '--key', 'monday', '--json'];
    const [first, second] = [await ask(...args), await ask(...args)];
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({
      exitCode: 0,
      state: 'completed',
      key: 'monday',
      tasks: { load: {} },
    });
    expect(JSON.parse(second.stdout).jobId).toBe(JSON.parse(first.stdout).jobId);
    expect(await journal.jobs()).toHaveLength(1);
  });

  test('writes the events to a file', async () => {
    const { ask } = await serve();
    const file = join(newFolder(), 'events.ndjson');
    await ask('run', 'nightly', '-p', 'load=true', '--events', file);
    expect(`${readFileSync(file)}`).toBe((await ask('logs', 'last', '--json')).stdout);
  });

  test.each(['SIGINT', 'SIGTERM'])('%s leaves the job to the server, and says how to go on', async (signal) => {
    const { url, journal, server, asked } = await serve();
    const signals = new EventEmitter();
    const running = tintype(['--server', url, 'run', 'approval'], { signals });
    await vi.waitFor(() => expect(asked.join('\n')).toContain('/events'));
    signals.emit(signal, signal);
    const { exitCode, stderr } = await running;
    expect(exitCode).toBe(75);
    const [{ id } = { id: '' }] = await journal.jobs();
    expect(stderr).toContain(
      `goes on at ${url}.\n  To watch it:  tintype --server ${url} logs ${id.slice(0, 8)} --follow\n`,
    );
    expect(server.engine.job(id)?.state).toBe('running');
  });

  test('--on-signal cancel has the server cancel it', async () => {
    const { url, asked } = await serve();
    const signals = new EventEmitter();
    const running = tintype(['--server', url, 'run', 'approval', '--on-signal', 'cancel'], { signals });
    await vi.waitFor(() => expect(asked.join('\n')).toContain('/events'));
    signals.emit('SIGINT', 'SIGINT');
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(130);
    expect(withoutTimes(stdout)).toMatch(/\napproval cancelled in #: /);
  });

  test('refuses a file, and what the server does not have', async () => {
    const { ask } = await serve();
    expect(await ask('run', 'pipeline.yaml')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /^error: pipeline\.yaml is a file, .*Run the file without --server .*upload it: PUT /,
      ),
    });
    expect(await ask('run', 'nightli')).toMatchObject({
      exitCode: 2,
      stderr: 'error: There is no definition "nightli". Did you mean "nightly"? (DEFINITION_NOT_FOUND)\n',
    });
    expect((await ask('run', 'nightly', '--only', 'load')).stderr).toContain('--only is not for jobs of a server');
  });
});

describe('a job of a server', () => {
  test('is retried, after a look at what would run', async () => {
    let isThere = false;
    const load = defineJob('load')
      .task('extract', () => ({ rows: 3 }))
      .task('load', { dependsOn: ['extract'] }, () => {
        if (!isThere) throw new Error('no such table: rows');
      })
      .seal();
    const { ask } = await serve({ definitions: [load] });
    expect((await ask('run', 'load')).exitCode).toBe(1);
    expect((await ask('retry', 'last', '--dry-run')).stdout).toMatch(
      / would run 1 task and keep the results of 1 task:\n\n {2}runs {3}load\n {2}keeps {2}extract\n$/,
    );
    isThere = true;
    const { exitCode, stdout } = await ask('retry', 'last');
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('extract  running');
    expect(withoutTimes(stdout)).toMatch(/\nload completed in #: 2 completed\n$/);
  });

  test('goes on there after its process died here', async () => {
    const [db, workflows] = [newFile(), newFolder()];
    const file = join(workflows, 'wait.yaml');
    writeFileSync(file, 'name: wait\ntasks: [{ name: for, type: bash, command: "[ -e flag ] || sleep 60" }]\n');
    const signals = new EventEmitter();
    const journal = opened(db);
    const running = tintype(['run', file, '--db', db], { signals });
    await vi.waitFor(async () => expect(await journal.jobs()).toMatchObject([{ lastSeq: 2 }]));
    signals.emit('SIGTERM', 'SIGTERM');
    expect((await running).exitCode).toBe(75);
    writeFileSync(join(workflows, 'flag'), '');
    const { ask } = await serve({ journal, workflows });
    const { exitCode, stdout } = await ask('resume', 'last');
    expect(exitCode).toBe(0);
    expect(withoutTimes(stdout)).toMatch(/\nwait completed in #: 1 completed\n$/);
  });

  test('is not resumed or tried again by another definition, unless that is said', async () => {
    const db = newFile();
    const failing = defineJob('load')
      .task('extract', () => ({}))
      .task('old', { dependsOn: ['extract'] }, () => {
        throw new Error('no such table');
      });
    const before = await serve({ journal: opened(db), definitions: [failing.seal()] });
    await before.server.engine.start(failing.seal(), {}, { jobId: 'a' });
    await before.close();
    const changed = defineJob('load')
      .task('extract', () => ({}))
      .task('new', { dependsOn: ['extract'] }, () => ({}))
      .seal();
    const { ask, server } = await serve({ journal: opened(db), definitions: [changed] });
    for (const command of ['retry', 'rerun'])
      expect(await ask(command, 'a')).toMatchObject({
        exitCode: 2,
        stderr:
          'error: The definition of job "a" has changed since it was started: "new" was added; "old" was removed. (DEFINITION_CHANGED) --changed accept goes on where what was removed or changed has not begun, --changed force in any case.\n',
      });
    expect((await ask('retry', 'a', '--changed', 'force')).exitCode).toBe(0);
    const journal = opened(db);
    journal.create(newJob('lost', { name: 'other' }), lease({ owner: 'gone', pid: 4_194_400 }));
    expect(server.engine.job('lost')).toBeUndefined();
    for (const command of ['resume', 'cancel'])
      expect((await ask(command, 'lost')).stderr).toMatch(
        /The server does not know the definition of job "lost", or not all of its tasks\. A workflow file belongs into the folder/,
      );
  });

  test('is run again in part, as another job', async () => {
    const { ask, journal } = await serve();
    await ask('run', 'nightly', '-p', 'load=true');
    const plan = JSON.parse((await ask('rerun', 'last', '--from', 'load', '--dry-run', '--json')).stdout);
    expect(plan).toMatchObject({ runs: ['load', 'tidy', 'report'], keeps: ['extract', 'each'] });
    expect((await ask('rerun', 'last', '--from', 'load')).exitCode).toBe(0);
    const [second, first] = await journal.jobs();
    expect(second?.forkedFrom).toBe(first?.id);
  });

  test('is cancelled, which is waited for', async () => {
    const { server, url, ask } = await serve();
    server.engine.start(approval, {}, { jobId: 'a' });
    expect((await ask('retry', 'a')).stderr).toContain(`tintype --server ${url} cancel a ends it`);
    const over = `a (approval) is over: it was cancelled. To try it again: tintype --server ${url} retry a\n`;
    expect(await ask('cancel', 'a', '--reason', 'wrong day')).toEqual({
      exitCode: 0,
      stdout: over,
      stderr: `Asked ${url} to cancel a (approval). Waiting for its end.\n`,
    });
    expect((await ask('show', 'a')).stdout).toContain('was cancelled: wrong day');
    expect(await ask('cancel', 'a')).toEqual({ exitCode: 0, stdout: over, stderr: '' });
  });

  test('has its external task completed', async () => {
    const { server, url, ask } = await serve();
    const job = server.engine.start(approval, {}, { jobId: 'a' });
    expect((await ask('complete', 'a', 'approve', '--output', '{')).stderr).toContain(
      'The output of approve is no JSON',
    );
    await vi.waitFor(() => expect(job.task('approve').state).toBe('ready'));
    expect(await ask('complete', 'a', 'approve', '--output', '{"by": "me"}')).toEqual({
      exitCode: 0,
      stdout: 'approve completed.\n',
      stderr: '',
    });
    expect((await job).ctx).toMatchObject({ by: 'me' });
    const late = defineJob('late')
      .external('first')
      .external('second', { dependsOn: ['first'] })
      .seal();
    server.engine.start(late, {}, { jobId: 'c' });
    expect(await ask('complete', 'c', 'second')).toMatchObject({
      exitCode: 1,
      stderr: `error: Task "second" can't be completed: it is unscheduled. (INVALID_STATE) It waits for first. Complete it once tintype --server ${url} show c says that it is ready.\n`,
    });
    expect(await ask('complete', 'a', 'approve')).toMatchObject({
      exitCode: 2,
      stderr: 'error: a (approval) is over: it completed.\n',
    });
    server.engine.start(approval, {}, { jobId: 'b' });
    for (const [task, why] of [
      ['aprove', 'has no task "aprove". Did you mean "approve"? Its external tasks are approve.'],
      ['draft', 'performs "draft" itself. Its external tasks are approve.'],
    ] as const)
      expect(await ask('complete', 'b', task)).toMatchObject({ exitCode: 2, stderr: `error: b (approval) ${why}\n` });
  });
});

describe('whoever may not ask is told in one line', () => {
  const tokenOf = async (role: Role) => {
    const one = await serve({ tokens: true });
    const { secret } = await one.server.tokens.create({ name: 'me', roles: [role] });
    return { ...one, secret };
  };

  test('without a token', async () => {
    const { ask } = await tokenOf('viewer');
    const { exitCode, stderr } = await ask('jobs');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: .* \(UNAUTHENTICATED\) Give a token: in the variable TINTYPE_TOKEN, or by --token-file FILE\.\n$/,
    );
  });

  test('with a token for less', async () => {
    const { ask, secret } = await tokenOf('viewer');
    expect((await ask('--token', secret, 'jobs')).exitCode).toBe(0);
    const { exitCode, stderr } = await ask('--token', secret, 'run', 'nightly');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: .* \(FORBIDDEN\) Whoever runs the server can give a token for more: tintype token create\.\n$/,
    );
  });

  test('the token comes from a variable or a file', async () => {
    const { url, secret } = await tokenOf('operator');
    const file = join(newFolder(), 'token');
    writeFileSync(file, `${secret}\n`);
    const env = { TINTYPE_SERVER: url, TINTYPE_TOKEN: secret };
    expect((await tintype(['jobs'], { env })).exitCode).toBe(0);
    expect((await tintype(['jobs', '--server', url, '--token-file', file])).exitCode).toBe(0);
    expect((await tintype(['jobs'], { env: { ...env, TINTYPE_TOKEN: 'wrong' } })).exitCode).toBe(2);
  });

  test('when nobody answers', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { url, close } = await served();
    await close();
    const { exitCode, stderr } = await tintype(['--server', url, 'jobs']);
    vi.restoreAllMocks();
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `error: There is no answer from ${url}: ECONNREFUSED. (UNREACHABLE) See that tintype serve runs there, and that --server names it.\n`,
    );
  });
});

describe('a server that is none of tintype, or of another version', () => {
  const COMMANDS = [
    ['jobs'],
    ['show', 'last'],
    ['show', 'a'],
    ['logs', 'a', '--follow'],
    ['run', 'nightly'],
    ['cancel', 'a'],
    ['retry', 'a'],
    ['rerun', 'a'],
    ['resume', 'a'],
    ['complete', 'a', 'b'],
  ];

  /** The address of a server that answers everything alike. */
  const answering = async (status: number, headers: Record<string, string>, body: string): Promise<string> => {
    const http = createServer((_, response) => response.writeHead(status, headers).end(body));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    others.push(http);
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  };
  const others: HttpServer[] = [];
  afterEach(() => {
    for (const one of others.splice(0)) one.closeAllConnections();
  });

  test.each([
    ['a page', 200, { 'content-type': 'text/html; charset=utf-8' }, '<h1>Hello</h1>', 'with text/html'],
    ['nothing', 200, {}, '', 'without a content type'],
    [
      'JSON',
      200,
      { 'content-type': 'application/json' },
      '{"items":[{"id":1}],"nextCursor":null}',
      'with application/json',
    ],
    [
      'a problem',
      404,
      { 'content-type': 'application/problem+json' },
      '{"title":"x"}',
      'with application/problem+json',
    ],
    [
      'a login',
      302,
      { location: 'https://sso.example.com/in' },
      '',
      'without a content type and points to https://sso.example.com/in',
    ],
    ['a password', 401, { 'content-type': 'text/plain' }, 'no', 'with text/plain'],
  ])('is named, with what came of it: %s', async (_, status, headers, body, what) => {
    const url = await answering(status, headers as Record<string, string>, body);
    for (const args of COMMANDS) {
      const { exitCode, stdout, stderr } = await tintype(['--server', url, ...args]);
      expect([exitCode, stdout], args.join(' ')).toEqual([1, '']);
      expect(stderr.replace(/v1\/[\w/?]+/, 'v1/…')).toBe(
        `error: ${url}/api/v1/… answered ${status} ${what}: that is no answer of tintype. (NO_PROBLEM) See that tintype serve is what answers at ${url}, and no other server or proxy before it.\n`,
      );
    }
  });

  test('is named when it is a tintype without these routes', async () => {
    const { url } = await serve();
    const { exitCode, stderr } = await tintype(['--server', `${url}/jobs`, 'jobs']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^error: There is nothing at \/jobs\/api\/v1\/jobs\. .*\(NO_SUCH_ROUTE\) See that the tintype at /,
    );
  });
});

describe('--server', () => {
  const url = 'http://127.0.0.1:8080';

  test.each([
    [['resume', 'a', '--trust'], '--trust is not for jobs of a server: leave it out, or name no server'],
    [['jobs', '--db', 'jobs.db'], '--server and --db name two places: leave out one of them'],
    [
      ['prune', '--older-than', '1d'],
      'tintype prune works here alone, not on a server: leave out --server and its token',
    ],
    [['db', 'check'], 'tintype db check works here alone, not on a server'],
    [['validate', 'x.yaml'], 'tintype validate works here alone, not on a server'],
  ])('%j is wrong usage', async (args, why) => {
    const { exitCode, stderr } = await tintype(['--server', url, ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${why}`);
  });

  test('takes URLs alone, without a password', async () => {
    expect((await tintype(['--server', 'localhost:80', 'jobs'])).stderr).toContain('It must be a URL');
    expect((await tintype(['--server', 'http://me:secret@host', 'jobs'])).stderr).toContain('no user or password');
    const { exitCode, stderr } = await tintype(['jobs'], { env: { TINTYPE_SERVER: 'host' } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("the variable TINTYPE_SERVER is 'host'. It must be a URL");
  });

  test('the variable gives way to a database that is named, and stops what needs one', async () => {
    const env = { TINTYPE_SERVER: url };
    expect((await tintype(['jobs', '--db', 'none.db'], { env })).stderr).toContain('There is no database none.db');
    expect((await tintype(['prune', '--older-than', '1d'], { env })).stderr).toContain(
      'error: tintype prune works on a database, not on the server that TINTYPE_SERVER names: name the database by --db, or unset the variable',
    );
    expect((await tintype(['schema'], { env })).exitCode).toBe(0);
  });

  test('a token needs it', async () => {
    expect((await tintype(['jobs', '--token', 'x'])).stderr).toContain('a token is for a server: name it by --server');
  });
});
