import type { TaskError } from '../../engine/errors/errors.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { errorData } from '../../events/error-data.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { ProcessError } from '../../executors/process/error.ts';
import { criticalPathOf } from './critical-path.ts';
import { exitCodeOfTask, thrownBy } from './exit-code-of-task.ts';

/** Returns the result of a job as plain data. Times are in epoch ms, durations in ms. */
export const resultJson = (result: JobResult, definition: JobDefinition, exitCode: number): unknown => ({
  jobId: result.jobId,
  name: result.jobName,
  state: result.state,
  exitCode,
  startedAt: result.startedAt,
  durationMs: result.durationMs,
  ...(result.error ? { error: errorData(result.error) } : {}),
  errors: result.errors.map((error) => ({ task: error.taskName, tolerated: error.tolerated, ...errorData(error) })),
  criticalPath: criticalPathOf(result, definition),
  tasks: Object.fromEntries(Object.entries(result.tasks).map(([name, task]) => [name, taskJson(task)])),
  ctx: jsonSafe({ ...result.ctx }),
});

const lastLines = (
  error: TaskError | undefined,
): { readonly stdout?: readonly string[]; readonly stderr?: readonly string[] } => {
  const thrown = error?.code === 'UPSTREAM_FAILED' ? undefined : thrownBy(error);
  return thrown instanceof ProcessError ? { stdout: thrown.stdout, stderr: thrown.stderr } : {};
};

const taskJson = ({ tasks, error, ...rest }: TaskResult): unknown => ({
  ...rest,
  exitCode: exitCodeOfTask(error),
  ...lastLines(error),
  ...(error ? { error: errorData(error) } : {}),
  ...(tasks ? { tasks: Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, taskJson(task)])) } : {}),
});
