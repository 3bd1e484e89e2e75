/* Entry point `tintype/client`: a client of the service, for Node.js and browsers. */
export {
  type ChangeOptions,
  type Client,
  createClient,
  type DefinitionInfo,
  type EventQuery,
  type JobDetails,
  type JobInfo,
  type JobPage,
  type JobQuery,
  type LimitInfo,
  type LogQuery,
  type Page,
  type PageOptions,
  type Result,
  type ScheduleInfo,
  type StartRequest,
  type TaskInfo,
  type TopicInfo,
  type UnitQuery,
} from './client/client.ts';
export type { StreamedEvent, StreamOptions } from './client/event-stream.ts';
export type { PatchOptions } from './client/patches.ts';
export type { ClientOptions } from './client/request.ts';
export { ServiceError } from './client/service-error.ts';
export type { ClaimedUnit, UnitCommand, UnitInfo, Work, WorkOptions, WorkScope } from './client/work.ts';
export type { AttemptOutcome, TaskAttempts, WireAttempt } from './wire/attempts.ts';
export type { JobColumns, JobHead, WireError } from './wire/job-columns.ts';
export { applyEvent, columnsOf, emptyTable, type JobTable, pathOf, tableOf } from './wire/job-table.ts';
export { kindOf, stateOf, type WireKind } from './wire/letters.ts';
export {
  changesIn,
  type JobChange,
  type PatchData,
  type PatchEvent,
  type PatchHistory,
  rowsIn,
  type TaskChange,
  type TaskRow,
  type TasksAdded,
} from './wire/patches.ts';
