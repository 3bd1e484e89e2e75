import type { Job } from '../../engine/job.ts';
import type { JobResult } from '../../engine/job-result.ts';
import type { TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { jobLabel } from '../stored/job-command.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { printTogether } from '../terminal/json-messages.ts';
import { inertJson } from '../terminal/safe-text.ts';
import type { JobProgress } from './job-progress.ts';
import { resultJson } from './result-json.ts';
import type { RunContext } from './run-context.ts';

type LeftJob = {
  readonly loaded: Pick<LoadedWorkflow, 'definition' | 'mask'>;
  readonly json: boolean | undefined;
  /** The command that resumes the job. */
  readonly command: string;
  readonly context: RunContext;
};

/** Reports a job that was left: how far it is, and the command that resumes it. `result`: how it ended here, if it did. */
export const reportLeft = (
  { id, name }: Job,
  result: JobResult | undefined,
  progress: JobProgress,
  { loaded, json, command, context: { err, io } }: LeftJob,
): void => {
  if (json && result) {
    const data = resultJson(storedResult(result, progress), loaded.definition, EXIT.left, 'interrupted');
    io.stdout.write(`${inertJson(JSON.stringify(loaded.mask.data(data)))}\n`);
  }
  const { completed, ...others } = progress.counts();
  const total = Object.values(others).reduce((sum, count) => sum + count, completed);
  const label = err.sanitize(jobLabel({ id, name }));
  printTogether(err, [
    `${label} is left, with ${completed} of ${counted(total, 'task')} completed. It goes on with:`,
    `  ${err.style('bold', err.sanitize(command))}`,
  ]);
};

/** Returns the result of a job that was left, with its tasks in the states that the journal has of them. */
const storedResult = (result: JobResult, { record }: JobProgress): JobResult => {
  const stored = (tasks: JobResult['tasks'], parent?: string): JobResult['tasks'] =>
    Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => {
        const path = parent === undefined ? name : `${parent}${name.startsWith('[') ? '' : '/'}${name}`;
        const state: TaskState = record.tasks.get(path)?.state ?? 'unscheduled';
        const open = { state, reason: undefined, error: undefined, durationMs: undefined };
        const inner = task.tasks && { tasks: stored(task.tasks, path) };
        return [name, { ...task, ...(SETTLED.has(state) ? {} : open), ...inner }];
      }),
    );
  return { ...result, error: undefined, tasks: stored(result.tasks), ctx: result.ctx } as JobResult;
};
