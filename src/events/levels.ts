import type { JobEvent, LogLevel } from './event.ts';

/** The log levels, from the least severe to the most severe. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Returns an event's level: `error` for failures and job timeouts, `warn` for retries, released and unready tasks, and conflicts. */
export const levelOf = (event: JobEvent): LogLevel => {
  switch (event.type) {
    case 'task.log':
      return event.level;
    case 'task.transition':
      if (event.to === 'failed') return 'error';
      if (event.from === 'running' && event.to === 'ready') return 'warn';
      return event.to === 'retrying' || event.to === 'notReady' ? 'warn' : SHOWN.has(event.to) ? 'info' : 'debug';
    case 'job.transition':
      return event.to === 'failed' || event.to === 'timedOut' ? 'error' : 'info';
    case 'context.conflict':
      return 'warn';
    default:
      return 'debug';
  }
};

/**
 * Returns the level of a request by its status: `warn` if the server failed, whose cause is an `error` of its own.
 * `isQuiet`: the request is one of many that say little, as those of a probe.
 */
export const levelOfStatus = (status: number, isQuiet = false): LogLevel =>
  status >= 500 ? 'warn' : isQuiet ? 'debug' : 'info';

const SHOWN: ReadonlySet<string> = new Set(['running', 'completed', 'skipped', 'cancelled', 'paused']);
