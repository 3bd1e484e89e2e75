import { methods, oneOf, problemsOf, throwIfInvalid } from '../engine/definition/option-rules.ts';
import type { JobEvent, LogLevel } from '../events/event.ts';
import { LEVELS } from '../events/levels.ts';
import { logObjectsTo, type StructuredLogger } from '../events/structured-logger.ts';

export type PinoEventsOptions = {
  /** The least severe level of an event that is logged: `debug`, `info`, `warn` or `error`. Default `debug`: the logger's own level decides. */
  readonly level?: LogLevel | undefined;
};

/** What `pinoEvents` needs of a logger: a logger of pino 9 or 10 has it. */
export type PinoLogger = Readonly<Record<LogLevel, (fields: object, message?: string) => unknown>> & {
  readonly child: (bindings: { readonly jobId: string; readonly jobName: string }) => unknown;
  readonly isLevelEnabled?: ((level: string) => boolean) | undefined;
};

/**
 * Creates a subscriber that logs the events of an engine or a job with pino: an object with `task`, `attempt`, `event`,
 * `from`, `to`, `reason`, `durationMs` (ms), `err` and more, and a message. Every job has one child with `jobId` and
 * `jobName`, until it is over. Outputs are never logged. If the logger throws, a process warning is emitted once.
 * @throws OptionError
 * @example
 * engine.events$.subscribe(pinoEvents(pino(), { level: 'info' }));
 */
export const pinoEvents = (logger: PinoLogger, options: PinoEventsOptions = {}): ((event: JobEvent) => void) => {
  const given = { logger, ...options };
  throwIfInvalid('pinoEvents', problemsOf(given, RULES, { subject: 'pinoEvents' }));
  return logObjectsTo(logger as StructuredLogger, options.level);
};

const RULES = {
  logger: methods('a logger of pino', 'debug', 'info', 'warn', 'error', 'child'),
  level: oneOf(...LEVELS),
};
