/* Entry point `tintype/machines`: the state machines on their own, without the engine. */
export { type JobCommand, jobMachine } from './machines/job.ts';
export { backoffMs, mayRetry, type RetryOptions, type RetryPolicy } from './machines/retry.ts';
export { type TaskCommand, type TaskInput, taskMachine } from './machines/task.ts';
