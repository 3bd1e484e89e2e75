export { type Branch, branch, type Expand, expand, type NotReady, notReady } from './engine/answer.ts';
export { defineJob, JobBuilder } from './engine/builder.ts';
export type { Clock } from './engine/clock.ts';
export { JobDefinition } from './engine/definition.ts';
export type { ChangePolicy, DefinitionChange } from './engine/durable/definition-diff.ts';
export { createEngine, Engine } from './engine/engine.ts';
export type {
  AnyJob,
  CloseOptions,
  EngineOptions,
  RecoverOptions,
  Recovery,
  TakeUpOptions,
} from './engine/engine-options.ts';
export {
  AbortError,
  type AnyTintypeError,
  CommandError,
  type CommandErrorCode,
  JobDefinitionError,
  JobError,
  type JobErrorCode,
  JournalError,
  NonRetryableError,
  OptionError,
  RetryAfterError,
  SchemaError,
  SerialisationError,
  TaskError,
  type TaskErrorCode,
  TintypeError,
  UnknownTaskError,
} from './engine/errors.ts';
export type { Explanation, Reason } from './engine/explain.ts';
export type { SkipReason } from './engine/flow.ts';
export { Job } from './engine/job.ts';
export { jobFrom, run } from './engine/job-from.ts';
export type { JobResult, TaskResult } from './engine/job-result.ts';
export type {
  Awaitable,
  Batch,
  Held,
  JobFilter,
  Journal,
  JournalErrorCode,
  JournalJob,
  Lease,
  NewJob,
  Note,
  NoteKind,
  StoredEvent,
} from './engine/journal.ts';
export type { ClaimOptions } from './engine/kinds/external.ts';
export type {
  AttemptOptions,
  DefinitionOptions,
  ExternalPace,
  FailurePolicy,
  FlowOptions,
  JobOptions,
  LimitOptions,
  PoolOption,
  RateLimitOptions,
  SensorPace,
  SlotOptions,
  StartOptions,
  TaskOptions,
} from './engine/options.ts';
export type { TaskDefinition } from './engine/plan.ts';
export type { Problem, ProblemCode } from './engine/problem.ts';
export { createPoller, type PollerOptions } from './engine/readiness/poller.ts';
export { createProber, type ProberOptions } from './engine/readiness/prober.ts';
export {
  type CheckOptions,
  type ReadinessChecker,
  ReadinessError,
  type ReadinessErrorCode,
  type ReadinessFunction,
  type ReadinessId,
  type ReadinessResult,
} from './engine/readiness/readiness.ts';
export { createSnapshotStore, type SnapshotStore } from './engine/readiness/snapshot-store.ts';
export type { Preview, RerunSelection, RetrySelection } from './engine/retry-plan.ts';
export { installSignalHandlers, type SignalHandlerOptions } from './engine/signal-handlers.ts';
export type { StandardSchema, Violation } from './engine/standard-schema.ts';
export type {
  Checkpoint,
  ConditionScope,
  JobOutcome,
  TaskFunction,
  TaskLogger,
  TaskScope,
} from './engine/task-function.ts';
export type { TaskHandle } from './engine/task-handle.ts';
export type {
  AnyDefinition,
  AnyTaskSpec,
  ExternalSpec,
  ItemScope,
  Items,
  JobSpec,
  MapOptions,
  MapSpec,
  NestedJobOptions,
  SensorSpec,
  Settled,
  TaskSpec,
} from './engine/task-spec.ts';
export type { TriggerRule } from './engine/trigger.ts';
export type { FrontierItem } from './engine/views/frontier.ts';
export type { TaskKind } from './engine/views/graph-view.ts';
export type { ErrorData } from './events/error-data.ts';
export type {
  ContextConflict,
  JobEvent,
  JobResumed,
  JobState,
  JobTransition,
  LogLevel,
  TaskAdded,
  TaskLateResult,
  TaskLog,
  TaskProgress,
  TaskRemoved,
  TaskState,
  TaskTransition,
} from './events/event.ts';
export { eventLogger } from './events/event-logger.ts';
export type { Logger } from './events/logger.ts';
export { type Metrics, metrics } from './events/metrics.ts';
export { ofTask, progress, type TaskEvent, taskTransitions } from './events/operators.ts';
export { type MemoryJournalOptions, memoryJournal } from './journal/memory-journal.ts';
export type { RetryOptions } from './machines/retry.ts';
