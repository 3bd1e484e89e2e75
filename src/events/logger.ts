import type { JobEvent } from './event.ts';
import { isolate } from './isolate.ts';
import { levelOf } from './levels.ts';

/**
 * A logger that tintype can write to. One that has `child` and no `log`, such as pino's, gets an object and a message for
 * each event; any other, such as `console` and winston's, gets one line of text.
 */
export type Logger = {
  readonly debug: (message: string) => void;
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
  readonly child?: ((bindings: { readonly jobId: string; readonly jobName: string }) => unknown) | undefined;
};

/** Creates a subscriber that logs each event as one line. If the logger throws, a process warning is emitted once. */
export const logLinesTo = (logger: Logger): ((event: JobEvent) => void) => {
  const isolated = isolate('The logger of a job');
  return (event) => isolated(() => logger[levelOf(event)](lineOf(event)));
};

const lineOf = (event: JobEvent): string =>
  oneLine(`${event.jobName} (${event.jobId})${'task' in event ? ` ${event.task}` : ''}: ${eventText(event)}`);

/** Escapes line breaks and other control characters, with which a task could fake a line or steer a terminal. */
const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => ESCAPES[character] ?? `\\u${codeOf(character)}`);

const codeOf = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0');

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\t' };

/** Returns what an event says, without its job and task. */
export const eventText = (event: JobEvent): string => {
  switch (event.type) {
    case 'job.transition':
    case 'task.transition':
      return `${event.from} -> ${event.to}${why(event)}`;
    case 'job.resumed':
      return `resumed by ${event.by}${event.changes ? ` (${event.changes.join('; ')})` : ''}${event.redacted ? `; ${redactedText(event.redacted)}` : ''}`;
    case 'task.progress':
      return `${Math.round(event.fraction * 100)} %${event.message ? ` ${event.message}` : ''}`;
    case 'task.log':
      return `${event.message}${event.data === undefined ? '' : ` ${JSON.stringify(event.data)}`}`;
    case 'task.lateResult':
      return `attempt ${event.attempt} ${event.outcome} too late, its result was dropped`;
    case 'task.added':
      return `added${event.dependsOn.length > 0 ? `, after ${event.dependsOn.join(', ')}` : ''}`;
    case 'task.removed':
      return 'removed';
    case 'context.conflict':
      return `${event.tasks.join(' and ')} both wrote "${event.key}", kept that of ${event.kept}`;
  }
};

const why = ({ reason, error }: { readonly reason?: string; readonly error?: { readonly message: string } }): string =>
  error ? ` (${error.message})` : reason ? ` (${reason})` : '';

/** Says which parts of a resumed job continue with placeholders. */
export const redactedText = (redacted: readonly string[]): string => {
  const parts = redacted.map((path) => (path === '' ? 'its input' : `task "${path}"`)).join(', ');
  return `what was made of secrets in ${parts} was not kept and can't be computed again, and continues as a placeholder`;
};
