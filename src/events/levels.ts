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

const SHOWN: ReadonlySet<string> = new Set(['running', 'completed', 'skipped', 'cancelled', 'paused']);
