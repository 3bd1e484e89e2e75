import type { JobDefinition } from '../engine/definition.ts';
import type { JobResult, TaskResult } from '../engine/job-result.ts';
import { errorData } from '../events/error-data.ts';
import { jsonSafe } from '../events/json-safe.ts';
import { criticalPathOf } from './critical-path.ts';
import { exitCodeOfTask } from './exit-code-of-task.ts';

/** How a job ended, as plain data: times in epoch ms, durations in ms. */
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

const taskJson = ({ tasks, error, ...rest }: TaskResult): unknown => ({
  ...rest,
  exitCode: exitCodeOfTask(error),
  ...(error ? { error: errorData(error) } : {}),
  ...(tasks ? { tasks: Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, taskJson(task)])) } : {}),
});
