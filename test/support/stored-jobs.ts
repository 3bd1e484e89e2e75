import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { runMetadata } from '../../src/cli/attend/stored-workflow.ts';
import type { JobEvent, TaskState } from '../../src/events/event.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';
import { mortal } from './mortal-journal.ts';
import { newFolder, opened } from './sqlite-files.ts';

/** A workflow in a folder of its own, with a database beside it. */
export const project = (yaml: string) => {
  const folder = newFolder();
  const file = join(folder, 'flow.yaml');
  const db = join(folder, 'jobs.db');
  writeFileSync(file, yaml);
  return { folder, file, db, log: () => linesOf(join(folder, 'log')) };
};

export const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];

/** `check` fails until there is a file `ok`. */
export const CHECKED = `
name: nightly
tasks:
  - { name: extract, type: bash, command: 'echo extract >> log; echo 3', output: text }
  - { name: check, type: bash, dependencies: [extract], command: 'echo "check $X" >> log; test -e ok', env: { X: "\${{ ctx.extract }}" } }
  - { name: report, type: bash, dependencies: [check], command: 'echo report >> log' }
  - { name: side, type: bash, command: 'echo side >> log' }
`;

/** Keeps a job whose process died after so many writes. */
export const interrupted = async (file: string, db: string, appends: number): Promise<void> => {
  const { definition } = await loadWorkflow(file);
  const { journal } = mortal(opened(db), { appends });
  const metadata = runMetadata(file, { workers: 4, grace: 2000 });
  void definition.start({}, { journal, metadata, jobId: 'dead' });
  await vi.waitFor(async () => expect(await journal.job('dead')).toMatchObject({ state: 'running' }));
};

/** Keeps a job whose process died as soon as something had happened, and so many ms had passed, once that was kept. */
export const diedAt = async (
  file: string,
  db: string,
  happened: (event: JobEvent) => boolean,
  {
    env = process.env,
    input = {},
    laterMs = 0,
  }: {
    readonly env?: NodeJS.ProcessEnv;
    readonly input?: Readonly<Record<string, unknown>>;
    readonly laterMs?: number;
  } = {},
): Promise<void> => {
  const clock = virtualClock(Date.now());
  const { definition } = await loadWorkflow(file, { env });
  const { journal, die } = mortal(opened(db));
  const metadata = runMetadata(file, { workers: 4, grace: 2000 });
  const job = definition.start(input, { journal, metadata, jobId: 'dead', clock });
  await new Promise<void>((resolve) => {
    job.events$.subscribe((event) => {
      if (happened(event)) resolve();
    });
  });
  if (laterMs > 0) await clock.advance(laterMs);
  await job.saved();
  die();
};

export const comesTo =
  (task: string, to: TaskState) =>
  (event: JobEvent): boolean =>
    event.type === 'task.transition' && event.task === task && event.to === to;

/** A task that a journal holds as running, and that is quick in the next process. */
export const HANGS = `command: 'echo up; test -e go || until [ -e go ]; do sleep 0.01; done'`;
