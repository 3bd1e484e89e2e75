import type { JobEvent } from './event.ts';
import { isolate } from './isolate.ts';
import { levelOf } from './levels.ts';

/** A logger that tintype can write to: `console`, pino and winston loggers fit. */
export type Logger = {
  readonly debug: (message: string) => void;
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
};

/** Creates a subscriber that logs each event as one line. If the logger throws, a process warning is emitted once. */
export const logTo = (logger: Logger): ((event: JobEvent) => void) => {
  const isolated = isolate('The logger of a job');
  return (event) => isolated(() => logger[levelOf(event)](lineOf(event)));
};

const lineOf = (event: JobEvent): string => {
  const job = `${event.jobName} (${event.jobId})`;
  switch (event.type) {
    case 'job.transition':
      return `${job}: ${event.from} -> ${event.to}${why(event)}`;
    case 'job.resumed':
      return `${job}: resumed by ${event.by}${event.changes ? ` (${event.changes.join('; ')})` : ''}${event.redacted ? `; ${redactedText(event.redacted)}` : ''}`;
    case 'task.transition':
      return `${job} ${event.task}: ${event.from} -> ${event.to}${why(event)}`;
    case 'task.progress':
      return `${job} ${event.task}: ${Math.round(event.fraction * 100)} %${event.message ? ` ${event.message}` : ''}`;
    case 'task.log':
      return `${job} ${event.task}: ${event.message}${event.data === undefined ? '' : ` ${JSON.stringify(event.data)}`}`;
    case 'task.lateResult':
      return `${job} ${event.task}: attempt ${event.attempt} ${event.outcome} too late, its result was dropped`;
    case 'task.added':
      return `${job} ${event.task}: added${event.dependsOn.length > 0 ? `, after ${event.dependsOn.join(', ')}` : ''}`;
    case 'task.removed':
      return `${job} ${event.task}: removed`;
    case 'context.conflict':
      return `${job}: ${event.tasks.join(' and ')} both wrote "${event.key}", kept that of ${event.kept}`;
  }
};

const why = ({ reason, error }: { readonly reason?: string; readonly error?: { readonly message: string } }): string =>
  error ? ` (${error.message})` : reason ? ` (${reason})` : '';

/** Says which parts of a resumed job continue with placeholders. */
export const redactedText = (redacted: readonly string[]): string => {
  const parts = redacted.map((path) => (path === '' ? 'its input' : `task "${path}"`)).join(', ');
  return `what was made of secrets in ${parts} was not kept and can't be computed again, and continues as a placeholder`;
};
