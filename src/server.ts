/* Entry point `tintype/server`: the service over HTTP. */

export type { Principal, Role } from './server/access/principal.ts';
export type { Token, TokenOptions, Tokens } from './server/access/tokens.ts';
export { createServer, type ListenOptions, type Server } from './server/create-server.ts';
export type { UploadLevel } from './server/definitions/upload-rules.ts';
export {
  type Duration,
  defineSchedule,
  type ScheduleDefinition,
  type ScheduleOptions,
} from './server/schedules/define-schedule.ts';
export type { Catchup, Overlap } from './server/schedules/schedule.ts';
export type { ServerOptions } from './server/service/server-options.ts';
