import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { StartOptions } from '../../src/engine/definition/options.ts';
import type { Job } from '../../src/engine/job.ts';
import type { JobResult } from '../../src/engine/job-result.ts';
import type { JobEvent, TaskState } from '../../src/events/event.ts';
import type { Selection } from '../../src/workflow/select-tasks.ts';
import { loadWorkflow } from '../../src/workflow/workflow.ts';

/** Files by their paths, in a folder that is removed after the test. */
export const folderOf = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

export type RunSettings = {
  /** Further files, beside `main.yaml`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Where secrets are looked up. Default none. */
  readonly env?: Readonly<Record<string, string>>;
  readonly selection?: Selection;
  readonly start?: StartOptions;
  /** Told of every event as it happens. */
  readonly on?: (event: JobEvent, job: Job, folder: string) => void;
};

export type WorkflowRun = {
  readonly result: JobResult;
  readonly events: readonly JobEvent[];
  /** How each task ended. */
  readonly states: Readonly<Record<string, TaskState>>;
  readonly folder: string;
};

/** Runs the tasks of a workflow, given as what comes after its name. */
export const runWorkflow = async (text: string, settings: RunSettings = {}): Promise<WorkflowRun> => {
  const { files = {}, params, env = {}, selection, start, on } = settings;
  const folder = folderOf({ 'main.yaml': `name: main\n${text}`, ...files });
  const { definition } = await loadWorkflow(join(folder, 'main.yaml'), { env, ...(selection ? { selection } : {}) });
  const job = definition.start(params ? { params } : {}, start) as unknown as Job;
  const events: JobEvent[] = [];
  job.events$.subscribe((event) => {
    events.push(event);
    on?.(event, job, folder);
  });
  const result = await job;
  const states = Object.fromEntries(Object.entries(result.tasks).map(([name, { state }]) => [name, state]));
  return { result, events, states, folder };
};

/** The problems of a workflow that can't run, as `line:column CODE message`. */
export const problemsOf = async (text: string, settings: RunSettings = {}): Promise<readonly string[]> => {
  const error = await runWorkflow(text, settings).then(
    () => undefined,
    (thrown: unknown) => thrown as { problems?: readonly Record<string, unknown>[] },
  );
  if (!error) return [];
  if (!error.problems) throw error;
  return error.problems.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
};

/** The message of the error with which a task failed, and that of its cause. */
export const failureOf = ({ result }: WorkflowRun, task: string): string => {
  const { error } = result.tasks[task] ?? {};
  return [error?.message, (error?.cause as Error | undefined)?.message].filter(Boolean).join(' | ');
};
