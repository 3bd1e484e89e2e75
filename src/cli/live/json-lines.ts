import type { JobEvent, LogLevel } from '../../events/event.ts';
import { LEVELS, levelOf } from '../../events/levels.ts';
import type { Printer } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';

/** Returns a function that prints events of level `least` or above as lines of JSON, without outputs. */
export const jsonLines = ({ line }: Printer, least: LogLevel): ((event: JobEvent) => void) => {
  const rank = LEVELS.indexOf(least);
  return (event) => {
    const level = levelOf(event);
    if (LEVELS.indexOf(level) < rank) return;
    const { at, type, level: _, message, ...more } = event as JobEvent & { level?: LogLevel; message?: string };
    const msg = message ?? messageOf(event);
    line(
      inertJson(
        JSON.stringify({ time: new Date(at).toISOString(), level, msg, event: type, ...more, output: undefined }),
      ),
    );
  };
};

const messageOf = (event: JobEvent): string => {
  switch (event.type) {
    case 'task.transition':
      return `${event.task} ${event.from} -> ${event.to}`;
    case 'job.transition':
      return `${event.jobName} ${event.from} -> ${event.to}`;
    default:
      return event.type;
  }
};
