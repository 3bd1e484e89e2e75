import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { type Captured, tintype } from '../../support/cli.ts';
import { interrupted, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

const APPROVAL = `
name: approval
tasks:
  - { name: approve, type: external, description: Shall it be published }
  - { name: publish, type: bash, dependencies: [approve], command: 'echo "by $WHO" >> log', env: { WHO: "\${{ ctx.by }}" } }
`;

describe('tintype complete', () => {
  /** A job that waits for somebody, and what it has told. */
  const waiting = async (yaml = APPROVAL) => {
    const { file, db, log } = project(yaml);
    const stdin = new PassThrough();
    stdin.end();
    const ended = tintype(['run', file, '--db', db], { stdin });
    await vi.waitFor(async () => {
      const { stdout } = await tintype(['show', 'last', '--json', '--db', db]);
      expect(JSON.parse(stdout).tasks.approve.state).toBe('ready');
    });
    const complete = (...args: string[]) => tintype(['complete', 'last', ...args, '--db', db]);
    return { ended, complete, db, log };
  };

  test('completes a task of a job whose standard input has ended', async () => {
    const { ended, complete, log } = await waiting();
    expect(await complete('publish')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/performs "publish" itself\. Its external tasks are approve\.\n$/),
    });
    expect((await complete('aprove')).stderr).toContain('Did you mean "approve"?');
    expect(await complete('approve', '--output', '{"by"')).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await complete('approve', '--output', '1', '--fail', 'no')).exitCode).toBe(2);
    expect(await complete('approve', '--output', '{"by": "Ada"}')).toEqual({
      exitCode: 0,
      stdout: 'approve completed.\n',
      stderr: '',
    });
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^approve waits: Shall it be published\./m);
    expect(stdout).toMatch(
      /^To complete approve from elsewhere: tintype complete [\da-f]{8} approve --db \S+jobs\.db$/m,
    );
    expect(log()).toEqual(['by Ada']);
    expect(await complete('approve')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is over') });
  });

  test('fails one, and tells what the process that runs the job refuses', async () => {
    const { ended, complete, db } = await waiting(
      `${APPROVAL}  - { name: last, type: external }\n  - { name: after, type: external, dependencies: [last] }\n`,
    );
    expect(await complete('approve', '--fail', 'too expensive')).toEqual({
      exitCode: 0,
      stdout: 'approve failed.\n',
      stderr: '',
    });
    const again = await complete('approve');
    expect(again).toMatchObject({ exitCode: 1, stderr: 'error: Task "approve" can\'t be completed: it is failed.\n' });
    const early = await complete('after');
    expect(early).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has not begun') });
    expect(early.stderr).toMatch(
      /It waits for last\. Complete it once tintype show [\da-f]{8} .*says that it is ready\.\n$/,
    );
    // An empty variable of a shell decides nothing.
    expect(await complete('last', '--output', '')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('The output of last is no JSON: it is empty.'),
    });
    expect(await complete('last', '--fail', ' ')).toMatchObject({
      exitCode: 2,
      stderr: 'error: --fail is empty: say why last fails.\n',
    });
    expect(jsonOf(await tintype(['show', 'last', '--json', '--db', db])).tasks.last.state).toBe('ready');
    expect((await tintype(['cancel', 'last', '--reason', 'wrong day', '--db', db])).exitCode).toBe(0);
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('Job "approval" was cancelled: wrong day\n');
    expect(stderr).toContain('too expensive');
  });

  test('sends whoever asks of an interrupted job to resume', async () => {
    const { file, db } = project(APPROVAL);
    await interrupted(file, db, 1);
    const { exitCode, stderr } = await tintype(['complete', 'dead', 'approve', '--db', db]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`It has to go on first: tintype resume dead --db ${db}\n`);
  });
});
