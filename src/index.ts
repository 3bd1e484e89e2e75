export { defineJob, JobBuilder } from './engine/builder.ts';
export type { Clock } from './engine/clock.ts';
export { JobDefinition } from './engine/definition.ts';
export {
  AbortError,
  type AnyTintypeError,
  JobDefinitionError,
  JobError,
  type JobErrorCode,
  NonRetryableError,
  OptionError,
  RetryAfterError,
  TaskError,
  type TaskErrorCode,
  TintypeError,
  UnknownTaskError,
} from './engine/errors.ts';
export { Job } from './engine/job.ts';
export { jobFrom, run, type TaskSpec } from './engine/job-from.ts';
export type { JobResult, TaskResult } from './engine/job-result.ts';
export { type NotReady, notReady } from './engine/not-ready.ts';
export type { FailurePolicy, JobOptions, StartOptions, TaskOptions } from './engine/options.ts';
export type { TaskDefinition } from './engine/plan.ts';
export type { Problem, ProblemCode } from './engine/problem.ts';
export type { TaskFunction, TaskLogger, TaskScope } from './engine/task-function.ts';
export type { TaskHandle } from './engine/task-handle.ts';
export type { ErrorData } from './events/error-data.ts';
export type {
  ContextConflict,
  JobEvent,
  JobState,
  JobTransition,
  LogLevel,
  TaskLateResult,
  TaskLog,
  TaskProgress,
  TaskState,
  TaskTransition,
} from './events/event.ts';
export { eventLogger } from './events/event-logger.ts';
export type { Logger } from './events/logger.ts';
export { type Metrics, metrics } from './events/metrics.ts';
export { ofTask, progress, type TaskEvent, taskTransitions } from './events/operators.ts';
export type { RetryOptions } from './machines/retry.ts';
