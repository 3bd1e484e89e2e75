/* Entry point `tintype`: the core, which runs without optional packages. */
export { defineJob, JobBuilder } from './engine/builder.ts';
export type { ChangePolicy } from './engine/definition/definition-diff.ts';
export {
  type Branch,
  branch,
  type Expand,
  type NotReady,
  notReady,
  type Skip,
  skip,
} from './engine/definition/directive.ts';
export type {
  Assignment,
  Executor,
  ExecutorRoom,
  ExecutorSlot,
  ExecutorTask,
} from './engine/definition/executor.ts';
export type { Intercept, InterceptedJob } from './engine/definition/intercept.ts';
export { type MatrixItem, type MatrixOptions, matrix } from './engine/definition/matrix.ts';
export type {
  AttemptOptions,
  DefinitionOptions,
  Description,
  ExternalOptions,
  FailurePolicy,
  FlowOptions,
  JobOptions,
  LimitOptions,
  PoolOption,
  RateLimitOptions,
  SensorPace,
  SlotOptions,
  StartOptions,
  TaskKind,
  TaskOptions,
  WorkerOption,
} from './engine/definition/options.ts';
export type { TaskDefinition } from './engine/definition/plan.ts';
export type { StandardSchema } from './engine/definition/standard-schema.ts';
export type {
  Checkpoint,
  ConditionScope,
  JobOutcome,
  TaskFunction,
  TaskLogger,
  TaskOutcome,
  TaskScope,
} from './engine/definition/task-function.ts';
export type {
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
} from './engine/definition/task-spec.ts';
export { expand } from './engine/definition/task-spec.ts';
export type { Trace } from './engine/definition/trace.ts';
export type { TriggerRule } from './engine/definition/trigger.ts';
export { type EncodedOutput, encodedOutput, outputText } from './engine/durable/encoded-output.ts';
export type {
  Awaitable,
  Batch,
  CountFilter,
  DamagedJob,
  EndedFilter,
  Held,
  JobCount,
  JobDescription,
  JobFilter,
  Journal,
  JournalChange,
  JournalCompletions,
  JournalFeed,
  JournalJob,
  JournalMessage,
  Labels,
  Lease,
  NewJob,
  Note,
  NoteKind,
  StoredEvent,
  TaskDurations,
} from './engine/durable/journal.ts';
export { errorFromData, errorToData, type TravellingError } from './engine/durable/travelling-error.ts';
export { createEngine, Engine } from './engine/engine.ts';
export type {
  AnyJob,
  CloseOptions,
  EngineOptions,
  ListOptions,
  PruneOptions,
  RecoverOptions,
  Recovery,
  TakeUpOptions,
} from './engine/engine-options.ts';
export type { DefinitionChange, JournalErrorCode } from './engine/errors/errors.ts';
export {
  AbortError,
  type AnyTintypeError,
  CommandError,
  type CommandErrorCode,
  InterruptedError,
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
} from './engine/errors/errors.ts';
export type { Problem, ProblemCode, Violation } from './engine/errors/problem.ts';
export type { FoundJob, FoundTask, JobPage, JobSummary } from './engine/found-job.ts';
export { Job } from './engine/job.ts';
export type { AnyDefinition } from './engine/job-definition.ts';
export { JobDefinition } from './engine/job-definition.ts';
export { jobFrom, run } from './engine/job-from.ts';
export type { JobResult, TaskResult } from './engine/job-result.ts';
export type { ClaimOptions } from './engine/kinds/external.ts';
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
export { durable } from './engine/recovery/durable.ts';
export type { Preview, RerunSelection, RetrySelection } from './engine/recovery/retry-plan.ts';
export type { SkipReason } from './engine/run/scheduling.ts';
export { installSignalHandlers, type SignalHandlerOptions } from './engine/signal-handlers.ts';
export type { TaskHandle } from './engine/task-handle.ts';
export type { Clock } from './engine/time/clock.ts';
export { type Buffered, type BufferedOptions, buffered } from './engine/views/buffered.ts';
export type { Explanation, Reason } from './engine/views/explain.ts';
export type { FrontierItem } from './engine/views/frontier.ts';
export type { ClaimView, JobView, StopView, ViewedTask, ViewOptions } from './engine/views/job-view.ts';
export type { LimitUsage } from './engine/views/limit-usage.ts';
export { type Metrics, metrics } from './engine/views/metrics.ts';
export type { JobProgress } from './engine/views/progress.ts';
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
export { ofTask, progress, type TaskEvent, taskTransitions } from './events/operators.ts';
export { taskStates } from './events/task-states.ts';
export { type MemoryJournalOptions, memoryJournal } from './journal/memory-journal.ts';
export type { RetryOptions } from './machines/retry.ts';
