import type { LogLevel } from '../../events/event.ts';
import type { CliIo } from './io.ts';
import { createPrinter, type Printer } from './printer.ts';
import { inertJson, plainLines } from './safe-text.ts';

/** What a message says beside its text. What is undefined is left out. */
export type MessageFields = {
  readonly level?: LogLevel;
  readonly code?: string | undefined;
  readonly [name: string]: unknown;
};

/** Returns the format of messages: that of `--log-format`, the last one, or of the variable TINTYPE_LOG_FORMAT. */
export const logFormatOf = (argv: readonly string[], env: CliIo['env']): 'pretty' | 'json' => {
  const end = argv.indexOf('--');
  const options = end < 0 ? argv : argv.slice(0, end);
  const given = options.flatMap((text, index) => {
    if (text === '--log-format') return [options[index + 1] ?? ''];
    return text.startsWith('--log-format=') ? [text.slice('--log-format='.length)] : [];
  });
  return (given.at(-1) ?? env.TINTYPE_LOG_FORMAT) === 'json' ? 'json' : 'pretty';
};

/** Creates the printer of messages: of text or, with `--log-format json`, of a JSON value for each. Default: to stderr. */
export const messagePrinter = (io: CliIo, base: Printer = createPrinter(io.stderr, io.env)): Printer => {
  if (io.logFormat !== 'json') return base;
  const line = (text = ''): void => {
    if (/\S/.test(text)) base.line(jsonMessage(text));
  };
  const asIs = (text: string): string => text;
  return { ...base, line, json: base.line, style: (_, text) => text, sanitize: asIs };
};

/** Prints lines that are one message. `fields`: what the JSON value of it says beside them, if it is one. */
export const printTogether = ({ line, json }: Printer, lines: readonly string[], fields: MessageFields = {}): void => {
  if (!json) for (const text of lines) line(text);
  else if (lines.length > 0) json(jsonMessage(lines.map((text) => text.trim()).join('\n'), fields));
};

/** Writes a message to stderr at once, without a printer. */
export const writeMessage = (
  { stderr, logFormat }: Pick<CliIo, 'stderr' | 'logFormat'>,
  text: string,
  fields: MessageFields = {},
): void => {
  if (logFormat !== 'json') stderr.write(plainLines(text));
  else if (/\S/.test(text)) stderr.write(`${jsonMessage(text, fields)}\n`);
};

/**
 * Returns a message as one JSON value with `time`, `level`, `msg` and, if it has one, `code`. A text that begins with
 * `error: ` or `warning: ` has that level, any other `info`; the code of a problem stands in brackets: `(JOB_LEASED)`.
 */
export const jsonMessage = (text: string, fields: MessageFields = {}): string => {
  const [, kind, said = ''] = /^(?:(error|warning): )?([\s\S]*?)\s*$/.exec(text) ?? [];
  const [whole, found] = (kind !== undefined && /\s\(([A-Z][A-Z\d_]{3,})\)/.exec(said)) || [];
  const level = kind === 'error' ? 'error' : kind === 'warning' ? 'warn' : 'info';
  const msg = whole !== undefined && said.endsWith(whole) ? said.slice(0, -whole.length) : said;
  return inertJson(JSON.stringify({ time: new Date().toISOString(), level, msg, code: found, ...fields }));
};
