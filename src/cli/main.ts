#!/usr/bin/env node
import { runCli } from './run-cli.ts';

// A reader that is gone is the business of the commands; without a listener it would be an uncaught error.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const { stdout, stderr, env } = process;
const exitCode = await runCli(process.argv.slice(2), {
  stdout,
  stderr,
  stdin: () => process.stdin,
  env,
  signals: process,
});
stdout.write('', () => stderr.write('', () => process.exit(exitCode)));
