import type { LogLevel } from '../../events/event.ts';
import { LEVELS } from '../../events/levels.ts';
import type { Logger } from '../../events/logger.ts';
import { jsonMessage } from '../terminal/json-messages.ts';
import type { Printer } from '../terminal/printer.ts';

/** Logs a text, or fields and a text. */
type Log = (fields: object | string, message?: string) => void;

/** The log of a server: what its jobs, requests and schedules do, of level `least` or above, as text or as JSON. */
export const serverLog = (printer: Printer, least: LogLevel): Logger =>
  printer.json ? objectsTo(printer.json, least, {}) : linesTo(printer, least);

const linesTo = ({ line, sanitize }: Printer, least: LogLevel): Logger =>
  byLevel(least, (level) => (message) => {
    const [first = '', ...more] = String(message).split('\n');
    line(sanitize(`${new Date().toISOString()} ${level} ${first}`));
    for (const text of more) line(sanitize(text));
  });

/** A logger that takes objects, as pino's does; each is one JSON value with `time`, `level` and `msg`. */
const objectsTo = (write: (line: string) => void, least: LogLevel, bindings: object): Logger =>
  Object.assign(
    byLevel(least, (level) => (fields, message) => {
      if (typeof fields === 'string') write(jsonMessage(fields, { ...bindings, level }));
      else write(jsonMessage(message ?? '', { ...bindings, ...fields, level, msg: message ?? '' }));
    }),
    {
      child: (more: object): Logger => objectsTo(write, least, { ...bindings, ...more }),
      isLevelEnabled: (level: LogLevel): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(least),
    },
  );

const byLevel = (least: LogLevel, log: (level: LogLevel) => Log): Record<LogLevel, Log> => {
  const at = (level: LogLevel): Log => (LEVELS.indexOf(level) < LEVELS.indexOf(least) ? () => {} : log(level));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};
