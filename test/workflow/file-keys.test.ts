import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runWorkflow } from '../support/run-workflow.ts';

/** How many of the tasks ran at once, at most. */
const mostAtOnce = ({ events }: Awaited<ReturnType<typeof runWorkflow>>, inner = ''): number => {
  let [now, most] = [0, 0];
  for (const event of events) {
    if (event.type !== 'task.transition' || !event.task.startsWith(inner)) continue;
    if (event.to === 'running') most = Math.max(most, ++now);
    else if (event.from === 'running') now--;
  }
  return most;
};

const FOUR = `tasks:
${['a', 'b', 'c', 'd'].map((name) => `  - { name: ${name}, type: bash, command: 'true' }\n`).join('')}`;

test('workers: so many tasks run at once, unless the start says otherwise', async () => {
  expect(mostAtOnce(await runWorkflow(`workers: 2\n${FOUR}`))).toBe(2);
  expect(mostAtOnce(await runWorkflow(`workers: 2\n${FOUR}`, { start: { maxConcurrency: 3 } }))).toBe(3);
});

test('workers: those of a file that a task runs are its own', async () => {
  const files = { 'inner.yaml': `name: inner\nworkers: 1\n${FOUR}` };
  const ran = await runWorkflow('workers: 4\ntasks: [{ name: in, type: job, file: inner.yaml }]', { files });
  expect(mostAtOnce(ran, 'in/')).toBe(1);
});

/** A program `mine`, and one that stands for `ls`. */
const PROGRAMS = { 'bin/mine': '#!/bin/sh\necho mine\n', 'bin/ls': '#!/bin/sh\necho "my ls"\n' };

const runWith = async (text: string, files: Readonly<Record<string, string>>) =>
  (
    await runWorkflow(text, {
      files,
      on: (event, _, folder) => {
        if (event.type === 'job.transition' && event.to === 'running')
          for (const path of Object.keys(files)) chmodSync(join(folder, path), 0o755);
      },
    })
  ).result.ctx;

test('path: commands of all types find programs there first', async () => {
  const ctx = await runWith(
    `path: [./bin]
tasks:
  - { name: sh, type: bash, command: mine; ls, output: lines }
  - { name: py, type: python, command: "import subprocess; print(subprocess.run(['mine'], capture_output=True, text=True).stdout.strip())", output: text }
  - { name: js, type: node, command: "import { execFileSync } from 'node:child_process'; console.log(String(execFileSync('ls')).trim())", output: text }
  - { name: seen, type: sensor, command: mine, output: text, deadline: 5s }
  - { name: own, type: bash, command: mine, output: text, env: { PATH: /usr/bin:/bin } }
  - { name: far, type: bash, command: mine, output: text, cwd: / }
`,
    PROGRAMS,
  );
  expect(ctx).toMatchObject({ sh: ['mine', 'my ls'], py: 'mine', js: 'my ls', seen: 'mine', own: 'mine', far: 'mine' });
});

test('path: the first folder goes before the second, and a file that a task runs has its own', async () => {
  const inner = (more: string) =>
    `name: inner\n${more}tasks: [{ name: a, type: bash, command: mine || echo none, output: text }]`;
  const files = {
    ...PROGRAMS,
    'other/mine': '#!/bin/sh\necho other\n',
    'sub/bin/mine': '#!/bin/sh\necho inner\n',
    'sub/with.yaml': inner('path: bin\n'),
    'sub/without.yaml': inner(''),
  };
  const ctx = await runWith(
    `path: [other, bin]
tasks:
  - { name: here, type: bash, command: mine, output: text }
  - { name: with, type: job, file: sub/with.yaml }
  - { name: without, type: job, file: sub/without.yaml }
`,
    files,
  );
  expect(ctx).toMatchObject({ here: 'other', with: { a: 'inner' }, without: { a: 'none' } });
});
