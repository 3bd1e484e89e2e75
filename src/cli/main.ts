#!/usr/bin/env node
/* Entry point of the `tintype` command. `main.ts` calls `run-cli.ts`, which parses the arguments with `program.ts`.
 * Each command is a file in `commands`; `attend` runs a job, which `live` displays, `stored` reads stored jobs, `drawing`
 * draws graphs, `completion` writes shell scripts, and `terminal` formats text. */

import { warnInJson } from './json-warnings.ts';
import { runCli } from './run-cli.ts';
import { silenceSqliteWarning } from './sqlite-warning.ts';
import { EXIT } from './terminal/exit-code.ts';
import { logFormatOf, writeMessage } from './terminal/json-messages.ts';
import { unexpectedText } from './terminal/unexpected-error.ts';

silenceSqliteWarning(process);
const { stdout, stderr, env } = process;
const logFormat = logFormatOf(process.argv.slice(2), env);

if (logFormat === 'json') warnInJson(process, stderr);

// Commands handle a broken pipe; without a listener here it would be an uncaught error.
let unwritten: NodeJS.ErrnoException | undefined;
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') unwritten ??= error;
});
stderr.on('error', () => {});

// Whatever is thrown outside a command's own promise, such as in a listener.
process.on('uncaughtException', (error) => {
  stderr.write(unexpectedText(error, { env, logFormat }), () => process.exit(EXIT.unexpected));
});

const exitCode = await runCli(process.argv.slice(2), {
  stdout,
  stderr,
  stdin: () => process.stdin,
  env,
  signals: process,
});

const end = (): void => {
  const lost = unwritten !== undefined && exitCode === EXIT.completed;
  if (lost) writeMessage({ stderr, logFormat }, `error: The output can't be written: ${unwritten?.message}.\n`);
  stderr.write('', () => process.exit(lost ? EXIT.failed : exitCode));
};

// Node.js emits the error of a failed write after the write's callback.
stdout.write('', () => setImmediate(end));
