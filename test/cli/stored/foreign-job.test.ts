import { join } from 'node:path';
import { defineJob } from 'tintype';
import { describe, expect, test, vi } from 'vitest';
import { type Captured, tintype } from '../../support/cli.ts';
import { mortal } from '../../support/mortal-journal.ts';
import { newFolder, opened } from '../../support/sqlite-files.ts';

vi.setConfig({ testTimeout: 60_000 });

const jsonOf = ({ stdout }: Captured) => JSON.parse(stdout);

describe('a job that a program started', () => {
  /** It waits, and its process has died. */
  const program = async () => {
    const db = join(newFolder(), 'jobs.db');
    const { journal, die } = mortal(opened(db));
    const job = defineJob('programmed')
      .external('approve')
      .task('publish', { dependsOn: ['approve'] }, () => {})
      .start({}, { journal, jobId: 'foreign' });
    await vi.waitFor(async () => expect((await journal.job('foreign'))?.lastSeq).toBe(1));
    await job.saved();
    die();
    return (...args: string[]) => tintype([...args, '--db', db]);
  };

  test('is sent to that, and not to commands that can not work', async () => {
    const command = await program();
    const hint = 'An interrupted job of a program goes on there, by engine.recover().\n';
    for (const args of [['jobs'], ['show', 'foreign']]) {
      const { stdout } = await command(...args);
      expect(stdout).toContain(hint);
      expect(stdout).not.toContain('tintype resume');
    }
    expect((await command('resume', 'foreign')).stderr).toContain('There engine.recover() goes on with it');
    for (const args of [
      ['retry', 'foreign'],
      ['complete', 'foreign', 'approve'],
    ]) {
      const { exitCode, stderr } = await command(...args);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/It has to go on first: in the program that started it, by engine\.recover\(\)\n$/);
    }
  });

  test('is cancelled without what only the program can run', async () => {
    const command = await program();
    const { exitCode, stderr } = await command('cancel', 'foreign');
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      'foreign (programmed) is interrupted, and cancelled here: its tasks are in the program that started it, so its handlers do not run.\nJob "programmed" was cancelled.\n',
    );
    expect(jsonOf(await command('show', 'foreign', '--json')).state).toBe('cancelled');
    expect((await command('cancel', 'foreign')).stdout).toBe(
      'foreign (programmed) is over: it was cancelled. To try it again: engine.retry() in the program that started it\n',
    );
  });
});
