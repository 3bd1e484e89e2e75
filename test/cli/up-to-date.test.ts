import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tintype } from '../support/cli.ts';
import { folderOf } from '../support/run-workflow.ts';

const WORKFLOW = `
name: site
tasks:
  - { name: pages, type: bash, command: "cat src/*.md > site.html; echo made", sources: [src/*.md], generates: [site.html] }
  - { name: count, type: bash, command: wc -c < site.html, output: json, sources: [site.html], dependencies: [pages] }
`;

const site = () => {
  const folder = folderOf({ 'w.yaml': WORKFLOW, 'src/a.md': 'a', 'src/b.md': 'b' });
  const db = join(folder, 'jobs.db');
  return {
    at: (path: string) => join(folder, path),
    run: (...more: string[]) => tintype(['run', join(folder, 'w.yaml'), '--db', db, ...more]),
    show: () => tintype(['show', 'last', '--db', db]),
    check: () => tintype(['db', 'check', '--db', db]),
  };
};

const whyIn = (stderr: string): readonly string[] =>
  stderr.split('\n').filter((line) => / (runs: |is up to date$)/.test(line));

describe('tintype run of tasks with sources', () => {
  test('runs them once, and says in the lines, in the table and later why they did not run again', async () => {
    const { run, show, check } = site();
    expect((await run()).stdout).toContain('| made');
    const second = await run();
    expect(second.exitCode).toBe(0);
    expect(second.stdout).not.toContain('| made');
    expect(second.stdout).toMatch(/pages {2}completed: up to date\n/);
    expect(second.stdout).toMatch(/\npages +completed +0 +up to date\n/);
    expect(second.stdout).toContain('2 completed');
    expect((await show()).stdout).toMatch(/\npages +completed +0 +up to date\n/);
    expect((await check()).exitCode).toBe(0);
  });

  test('says with --why what has changed, and nothing of it without', async () => {
    const { run, at } = site();
    expect(whyIn((await run('--why')).stderr)).toEqual([
      'pages runs: it has not completed here before',
      'count runs: it has not completed here before',
    ]);
    expect(whyIn((await run('--why')).stderr)).toEqual(['pages is up to date', 'count is up to date']);
    writeFileSync(at('src/b.md'), 'B');
    rmSync(at('src/a.md'));
    expect(whyIn((await run('--why', '--quiet')).stderr)).toEqual([
      'pages runs: src/b.md has changed; src/a.md is gone',
      'count runs: site.html has changed',
    ]);
    const quiet = await run();
    expect(whyIn(quiet.stderr)).toEqual([]);
    expect(readFileSync(at('site.html'), 'utf8')).toBe('B');
  });

  test('runs them all with --force', async () => {
    const { run } = site();
    await run();
    const forced = await run('--force', '--why');
    expect(whyIn(forced.stderr)).toEqual(['pages runs: it is forced to', 'count runs: it is forced to']);
    expect(forced.stdout).toContain('| made');
  });

  test('warns once if nothing is kept, so that all of them run', async () => {
    const { at } = site();
    const { stdout, stderr } = await tintype(['run', at('w.yaml')]);
    expect(stdout).toContain('| made');
    expect(stderr).toBe(
      'warning: Tasks with sources or generates run, whether they are up to date or not: the job is not kept, nor what it completed with before.\n',
    );
    expect((await tintype(['run', at('w.yaml'), '--force'])).stderr).toBe('');
  });

  test('shows no more than ten reasons', async () => {
    const { run, at } = site();
    await run();
    for (let page = 0; page < 13; page++) writeFileSync(at(`src/new-${page}.md`), '');
    const [pages] = whyIn((await run('--why')).stderr);
    expect(pages?.split('; ')).toHaveLength(11);
    expect(pages).toMatch(/; and 3 more$/);
  });

  test('does not take --why together with --dry-run', async () => {
    const { exitCode, stderr } = await site().run('--why', '--dry-run');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('leave out --dry-run')]);
  });
});
