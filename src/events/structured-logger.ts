import type { ErrorData } from './error-data.ts';
import type { JobEvent, LogLevel } from './event.ts';
import { isolate } from './isolate.ts';
import { LEVELS, levelOf } from './levels.ts';
import { eventText } from './logger.ts';
import { isTerminalJobState } from './states.ts';

/** What tintype needs of a logger that takes an object and a message, as pino's and bunyan's do. */
export type StructuredLogger = Readonly<Record<LogLevel, (fields: object, message: string) => unknown>> & {
  readonly child: (bindings: { readonly jobId: string; readonly jobName: string }) => StructuredLogger;
  /** Whether a line of a level would be written; without it, each is. */
  readonly isLevelEnabled?: ((level: LogLevel) => boolean) | undefined;
};

/** Whether a logger takes objects: it makes children, but has no method `log`, as console and winston have. */
export const takesObjects = (logger: object): logger is StructuredLogger => {
  const { child, log } = logger as { readonly child?: unknown; readonly log?: unknown };
  return typeof child === 'function' && typeof log !== 'function';
};

/** A job whose events are logged: its child of the logger, and when what runs began, in epoch ms, by the path of the task. */
type LoggedJob = { readonly logger: StructuredLogger; readonly since: Map<string, number> };

/** The key of the job itself among the paths of its tasks. */
const JOB = '';

/**
 * Creates a subscriber for the events of one job or of many. Each event is an object with fields, and a message. Every job
 * has one child of the logger, until it is over. `least`: events below this level are left out. If the logger throws, a
 * process warning is emitted once.
 */
export const logObjectsTo = (logger: StructuredLogger, least: LogLevel = 'debug'): ((event: JobEvent) => void) => {
  const isolated = isolate('The logger of a job');
  const jobs = new Map<string, LoggedJob>();
  const severities = new Map(LEVELS.map((level, severity) => [level, severity] as const));
  const leastSeverity = severities.get(least) ?? 0;

  const jobOf = ({ jobId, jobName }: JobEvent): LoggedJob => {
    const known = jobs.get(jobId);
    if (known) return known;
    const job = { logger: logger.child({ jobId, jobName }), since: new Map<string, number>() };
    jobs.set(jobId, job);
    return job;
  };

  const log = (event: JobEvent): unknown => {
    const level = levelOf(event);
    const { logger, since } = jobOf(event);
    const durationMs = durationBy(event, since);
    if (event.type === 'job.transition' && isTerminalJobState(event.to)) jobs.delete(event.jobId);
    if ((severities.get(level) ?? 0) < leastSeverity || logger.isLevelEnabled?.(level) === false) return undefined;
    return logger[level](fieldsOf(event, durationMs), messageOf(event));
  };

  return (event) => isolated(() => log(event));
};

/** Notes what begins to run; of what ends, returns how long it ran, in ms. */
const durationBy = (event: JobEvent, since: Map<string, number>): number | undefined => {
  if (event.type === 'task.transition') {
    if (event.to === 'running') since.set(event.task, event.at);
    else if (event.from === 'running') return take(since, event.task, event.at);
  } else if (event.type === 'job.transition') {
    if (isTerminalJobState(event.to)) return take(since, JOB, event.at);
    if (event.to === 'running' && event.from !== 'paused') since.set(JOB, event.at);
  }
  return undefined;
};

const take = (since: Map<string, number>, path: string, at: number): number | undefined => {
  const from = since.get(path);
  if (from === undefined) return undefined;
  since.delete(path);
  return Math.max(0, at - from);
};

type Fields = Record<string, unknown>;

/** Returns the fields of an event, but for those that the child has, the time and, of `task.log`, the message. */
const fieldsOf = (event: JobEvent, durationMs: number | undefined): Fields => {
  switch (event.type) {
    case 'task.transition': {
      const { type, task, attempt, from, to, reason, error, worker, owner, dueAt } = event;
      // Added one by one: copying objects would take longer than the rest of the line.
      const fields: Fields = { task, attempt, event: type, from, to };
      if (reason !== undefined) fields.reason = reason;
      if (durationMs !== undefined) fields.durationMs = durationMs;
      if (worker !== undefined) fields.worker = worker;
      if (owner !== undefined) fields.owner = owner;
      if (dueAt !== undefined) fields.dueAt = dueAt;
      if (error) fields.err = errOf(error);
      return fields;
    }
    case 'job.transition': {
      const { type, from, to, reason, error } = event;
      const fields: Fields = { event: type, from, to };
      if (reason !== undefined) fields.reason = reason;
      if (durationMs !== undefined) fields.durationMs = durationMs;
      if (error) fields.err = errOf(error);
      return fields;
    }
    case 'task.log': {
      const { task, attempt, data } = event;
      return { task, attempt, event: event.type, ...(data !== undefined && { data }) };
    }
    default: {
      const { type, jobId: _, jobName: __, seq: ___, at: ____, ...fields } = event;
      return { event: type, ...fields };
    }
  }
};

/** Returns an error for the logger's own serializer, which takes its name for the type only if it has no constructor. */
const errOf = ({ cause, ...error }: ErrorData): object =>
  Object.assign(Object.create(null), error, cause && { cause: errOf(cause) });

const messageOf = (event: JobEvent): string =>
  event.type === 'task.log' ? event.message : 'task' in event ? `${event.task}: ${eventText(event)}` : eventText(event);
