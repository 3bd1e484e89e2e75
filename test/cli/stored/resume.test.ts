import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { runMetadata } from '../../../src/cli/attend/stored-workflow.ts';
import { loadWorkflow } from '../../../src/workflow/workflow.ts';
import { type Captured, tintype } from '../../support/cli.ts';
import { batch, lease, newJob, opened } from '../../support/sqlite-files.ts';
import { CHECKED, comesTo, diedAt, HANGS, interrupted, linesOf, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

describe('tintype resume', () => {
  test('goes on with a job whose process died, as run does', async () => {
    const { file, db, folder, log } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const events = join(folder, 'events.ndjson');
    const result = await tintype(['resume', 'dead', '--db', db, '--json', '--events', events]);
    expect(result.exitCode).toBe(0);
    expect(jsonOf(result)).toMatchObject({ jobId: 'dead', state: 'completed', ctx: { extract: '3' } });
    expect(result.stderr).toMatch(/^dead \(nightly\) goes on, with \d of 4 tasks completed\.$/m);
    expect(linesOf(events)[0]).toContain('"type":"job.resumed"');
    expect(log()).toContain('check 3');
  });

  test('goes on with the file of events that the job has, and with no other', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const events = join(folder, 'events.ndjson');
    const { stdout: kept } = await tintype(['logs', 'dead', '--json', '--db', db]);
    const last = JSON.parse(kept.trimEnd().split('\n').at(-1) ?? '');
    // The process died with one more event told than kept, and in the midst of another.
    writeFileSync(events, `${kept}${JSON.stringify({ ...last, seq: last.seq + 1 })}\n{"type":"task.tr`);
    await tintype(['resume', 'dead', '--db', db, '--events', events]);
    const { stdout: all } = await tintype(['logs', 'dead', '--json', '--db', db]);
    expect(linesOf(events)).toEqual(all.trimEnd().split('\n'));
    await tintype(['retry', 'dead', '--task', 'side', '--db', db, '--events', events]);
    expect(JSON.parse(linesOf(events)[0] ?? '').seq).toBe(0);
    await tintype(['retry', 'dead', '--dry-run', '--task', 'side', '--db', db, '--events', events]);
    expect(readFileSync(events, 'utf8')).toContain('"jobId":"dead"');
    await tintype(['rerun', 'dead', '--from', 'side', '--db', db, '--events', events]);
    expect(readFileSync(events, 'utf8')).not.toContain('"jobId":"dead"');
    await tintype(['retry', 'dead', '--task', 'side', '--db', db, '--events', events]);
    expect(new Set(linesOf(events).map((line) => JSON.parse(line).jobId))).toEqual(new Set(['dead']));
  });

  test('started twice at once, leaves the job to the one that was quicker', async () => {
    const { file, db, folder } = project(`name: x\ntasks: [{ name: a, type: bash, ${HANGS} }]\n`);
    await diedAt(file, db, comesTo('a', 'running'));
    const both = [1, 2].map(() => tintype(['resume', 'dead', '--db', db]));
    const loser = await Promise.race(both);
    writeFileSync(join(folder, 'go'), '');
    expect(loser.exitCode).toBe(2);
    expect(loser.stderr).toMatch(
      /^error: dead \(x\) can't go on here: process \d+ on \S+ runs it\. tintype cancel dead /,
    );
    expect((await Promise.all(both)).map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 2]);
  });

  test('says of a job that is over how it ended', async () => {
    const { file, db } = project(CHECKED);
    await tintype(['run', file, '--db', db]);
    const failed = await tintype(['resume', 'last', '--db', db]);
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
    expect(failed.stderr).toMatch(/is over: it failed\. To try it again: tintype retry /);
    const json = await tintype(['resume', 'last', '--db', db, '--json']);
    expect([json.exitCode, jsonOf(json).state]).toEqual([1, 'failed']);
    const journal = opened(db);
    for (const [state, exitCode] of [
      ['completed', 0],
      ['notReady', 3],
      ['timedOut', 124],
      ['cancelled', 130],
    ] as const) {
      journal.create(newJob(state), lease());
      journal.append([batch(state, { state, endedAt: 2000, release: true })]);
      expect((await tintype(['resume', state, '--db', db, '-q'])).exitCode, state).toBe(exitCode);
    }
    const stamp = { jobId: 'terminated', jobName: 'etl', seq: 0, at: 1 };
    const end = { type: 'job.transition', from: 'running', to: 'cancelled', reason: 'SIGTERM' };
    const data = JSON.stringify({ ...stamp, ...end });
    journal.create(newJob('terminated'), lease());
    journal.append([batch('terminated', { state: 'cancelled', release: true, events: [{ seq: 0, data }] })]);
    expect((await tintype(['resume', 'terminated', '--db', db, '-q'])).exitCode).toBe(143);
  });

  test('leaves a job to the process that runs it', async () => {
    const { file, db } = project(CHECKED);
    const journal = opened(db);
    const { definition } = await loadWorkflow(file);
    const metadata = JSON.stringify(runMetadata(file, { workers: 4, grace: 2000 }));
    const { fingerprint } = definition;
    journal.create(newJob('alive', { name: 'nightly', metadata, fingerprint }), lease());
    journal.append([batch('alive', { state: 'running' })]);
    const { exitCode, stderr } = await tintype(['resume', 'alive', '--db', db]);
    expect(exitCode).toBe(2);
    const who = `process ${process.pid} on \\S+ runs it\\. tintype cancel alive --db \\S+ ends it, tintype logs alive --follow --db \\S+ shows it\\.\\n$`;
    expect(stderr).toMatch(new RegExp(`can't go on here: ${who}`));
    const retried = await tintype(['retry', 'alive', '--db', db]);
    expect(retried.stderr).toMatch(new RegExp(`can't be tried again: ${who}`));
  });

  test('runs no attempt again that died with its process, if max_interruptions says so', async () => {
    const { file, db, folder } = project(
      `name: x\ndefaults: { max_interruptions: 0 }\ntasks: [{ name: a, type: bash, ${HANGS} }]\n`,
    );
    await diedAt(file, db, comesTo('a', 'running'));
    writeFileSync(join(folder, 'go'), '');
    const result = await tintype(['resume', 'dead', '--db', db, '--json']);
    expect(jsonOf(result)).toMatchObject({ state: 'failed', errors: [{ code: 'TASK_INTERRUPTED' }] });
  });

  test('asks before it goes on with another definition', async () => {
    const { file, db, folder, log } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    writeFileSync(file, CHECKED.replace('dependencies: [check]', 'dependencies: [check, side]'));
    const refused = await tintype(['resume', 'dead', '--db', db]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr.split('\n').slice(0, 3)).toEqual([
      'error: The workflow has changed since dead (nightly) was started:',
      '- "report" depends on check, side instead of check',
      expect.stringContaining('--changed accept goes on'),
    ]);
    expect(log()).not.toContain('report');
    expect((await tintype(['resume', 'dead', '--db', db, '--changed', 'accept'])).exitCode).toBe(0);
    expect(log()).toContain('report');
  });

  test('says of a removed task that it has begun, and counts it no more where that is forced', async () => {
    const yaml = `
name: nightly
tasks:
  - { name: a, type: bash, command: 'true' }
  - { name: b, type: bash, ${HANGS} }
`;
    const { file, db, folder } = project(yaml);
    await diedAt(file, db, comesTo('b', 'running'));
    writeFileSync(join(folder, 'go'), '');
    writeFileSync(file, yaml.replace(/^.*name: b,.*$/m, "  - { name: c, type: bash, command: 'true' }"));
    const accepted = await tintype(['resume', 'dead', '--db', db, '--changed', 'accept']);
    expect(accepted).toMatchObject({ exitCode: 2, stdout: '' });
    expect(accepted.stderr.split('\n')).toEqual([
      'error: The workflow has changed since dead (nightly) was started, and --changed accept does not go on, since these have begun:',
      '- "b" was removed',
      '--changed force goes on all the same.',
      '',
    ]);
    expect((await tintype(['resume', 'dead', '--db', db, '--changed', 'force'])).exitCode).toBe(0);
    const [job] = jsonOf(await tintype(['jobs', '--json', '--db', db]));
    expect(job.tasks).toEqual({ total: 2, completed: 2 });
    expect(Object.keys(jsonOf(await tintype(['show', 'dead', '--json', '--db', db])).tasks)).toEqual(['a', 'c']);
  });

  test('tells of a task that failed before what its process said', async () => {
    const { file, db, folder } = project(`
name: x
tasks:
  - { name: bad, type: bash, command: 'echo first >&2; echo no file ok >&2; exit 7' }
  - { name: slow, type: bash, dependencies: [bad], trigger: always, ${HANGS} }
`);
    await diedAt(file, db, comesTo('slow', 'running'));
    writeFileSync(join(folder, 'go'), '');
    const { exitCode, stdout, stderr } = await tintype(['resume', 'dead', '--db', db]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^bad +failed +1 +\S+ +\S+ +7 {2}no file ok$/m);
    expect(stderr).toContain('(PROCESS_FAILED)\nLast lines of its stderr:\n  first\n  no file ok\n');
    const shown = await tintype(['show', 'dead', '--db', db]);
    expect(shown.stdout).toMatch(/^bad +failed +1 +\S+ +\S+ +7 {2}no file ok$/m);
    expect(shown.stdout).toMatch(
      /\nFirst error: .* code 7\. \(PROCESS_FAILED\)\nLast lines of its stderr:\n {2}first\n {2}no file ok\n$/,
    );
  });

  test('asks again for what waits for somebody outside, be it in a nested job', async () => {
    const { file, db, folder } = project(`
name: x
tasks:
  - { name: approve, type: external, description: Shall it be published }
  - { name: nest, type: job, file: inner.yaml }
`);
    writeFileSync(
      join(folder, 'inner.yaml'),
      'name: inner\ntasks: [{ name: ask, type: external, description: Who is there }]\n',
    );
    await diedAt(file, db, comesTo('nest/ask', 'ready'));
    const stdin = new PassThrough();
    const ended = tintype(['resume', 'dead', '--db', db], { stdin });
    stdin.write('approve\nnest/ask {"by": "Ada"}\n');
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    for (const [task, what] of [
      ['approve', 'Shall it be published'],
      ['nest/ask', 'Who is there'],
    ]) {
      expect(stdout).toContain(`${task} waits: ${what}. Type "${task}" to complete it,`);
      expect(stdout).toContain(`To complete ${task} from elsewhere: tintype complete dead ${task} --db ${db}\n`);
    }
    expect(jsonOf(await tintype(['show', 'dead', '--json', '--db', db])).tasks['nest/ask'].output).toEqual({
      by: 'Ada',
    });
  });

  test('says what is wrong with the file, and takes another', async () => {
    const { file, db, folder } = project(CHECKED);
    writeFileSync(join(folder, 'ok'), '');
    await interrupted(file, db, 2);
    const moved = join(folder, 'moved.yaml');
    const errorOf = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await tintype(['resume', 'dead', '--db', db, ...args]);
      expect([exitCode, stdout]).toEqual([2, '']);
      return stderr;
    };
    writeFileSync(file, CHECKED.replace('nightly', 'weekly'));
    expect(await errorOf()).toContain('that is the workflow "weekly" now');
    rmSync(file);
    expect(await errorOf()).toMatch(/^error: The workflow file .*flow\.yaml of the job dead \(nightly\) is gone\./);
    writeFileSync(moved, CHECKED);
    const { exitCode, stderr } = await tintype(['resume', 'dead', '--db', db, '--file', moved]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`tintype resume dead --file ${moved} --db ${db}\n`);
    opened(db).create(newJob('foreign'), lease({ pid: 2 ** 22 + 1 }));
    const { stderr: told } = await tintype(['resume', 'foreign', '--db', db]);
    expect(told).toContain('does not say of which file it is');
  });
});
