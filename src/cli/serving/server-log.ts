import type { ErrorData } from '../../events/error-data.ts';
import type { LogLevel } from '../../events/event.ts';
import { LEVELS } from '../../events/levels.ts';
import type { Logger } from '../../events/logger.ts';
import { jsonMessage } from '../terminal/json-messages.ts';
import type { Printer } from '../terminal/printer.ts';

/** The log of a server: what its jobs, requests and schedules do, of level `least` or above, as text or as JSON. */
export const serverLog = (printer: Printer, least: LogLevel): Logger =>
  loggerTo(printer.json ? objectsTo(printer.json) : linesTo(printer), least, {});

/** Writes what is logged. `fields`: also those of the child that logs it. */
type Write = (level: LogLevel, fields: Fields, message: string) => void;

type Fields = Readonly<Record<string, unknown>>;

/** Each is one JSON value with `time`, `level` and `msg`. */
const objectsTo =
  (write: (line: string) => void): Write =>
  (level, fields, msg) =>
    write(jsonMessage('', { ...fields, level, msg }));

/** Each is a line with its time, and the lines of what failed in a request. */
const linesTo =
  ({ line, sanitize }: Printer): Write =>
  (level, { jobId, jobName, ms, reqId, token, err }, message) => {
    const job = jobId === undefined ? '' : `${jobName} (${jobId}) `;
    const request =
      ms === undefined || reqId === undefined ? '' : ` in ${ms} ms (request ${reqId}, ${token ?? 'no token'})`;
    const stack = reqId === undefined || err === undefined ? '' : `\n${stackOf(err as ErrorData)}`;
    const [first = '', ...more] = `${job}${message}${request}${stack}`.split('\n');
    line(sanitize(`${new Date().toISOString()} ${level} ${first}`));
    for (const text of more) line(sanitize(text));
  };

/** With the causes, of which a stack says nothing. */
const stackOf = ({ stack, message, cause }: ErrorData): string =>
  `${stack ?? message}${cause === undefined ? '' : `\nCaused by: ${stackOf(cause)}`}`;

/** Creates a logger that takes an object and a message, or a message alone, as pino's does. */
const loggerTo = (write: Write, least: LogLevel, bindings: Fields): Logger => {
  const isLevelEnabled = (level: LogLevel): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(least);
  const at =
    (level: LogLevel) =>
    (fields: object | string, message = ''): void => {
      if (!isLevelEnabled(level)) return;
      if (typeof fields === 'string') write(level, bindings, fields);
      else write(level, { ...bindings, ...fields }, message);
    };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return Object.assign(logger, {
    isLevelEnabled,
    child: (more: object) => loggerTo(write, least, { ...bindings, ...more }),
  });
};
