import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { errorData } from '../../events/error-data.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { criticalPathOf } from './critical-path.ts';
import { exitCodeOfTask, processErrorOf } from './exit-code-of-task.ts';

/** Returns the result of a job as plain data. Times are in epoch ms, durations in ms. `state`: how it ended. */
export const resultJson = (
  result: JobResult,
  definition: JobDefinition,
  exitCode: number,
  state: string = result.state,
): unknown => ({
  jobId: result.jobId,
  name: result.jobName,
  state,
  exitCode,
  startedAt: result.startedAt,
  durationMs: result.durationMs,
  error: result.error && errorData(result.error),
  errors: result.errors.map((error) => ({ task: error.taskName, tolerated: error.tolerated, ...errorData(error) })),
  criticalPath: criticalPathOf(result, definition),
  tasks: tasksJson(result.tasks),
  ctx: jsonSafe({ ...result.ctx }),
});

const taskJson = ({ tasks, error, ...rest }: TaskResult): unknown => ({
  ...rest,
  exitCode: exitCodeOfTask(error),
  stdout: processErrorOf(error)?.stdout,
  stderr: processErrorOf(error)?.stderr,
  error: error && errorData(error),
  tasks: tasks && tasksJson(tasks),
});

const tasksJson = (tasks: JobResult['tasks']): unknown =>
  Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, taskJson(task)]));
