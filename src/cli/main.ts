#!/usr/bin/env node
import module from 'node:module';

// Node.js 22.8 keeps what it compiled for the next start; what is imported statically would be compiled before this line.
// Nothing may import this file: it waits for what it imports.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();
const { runCli } = await import('./run-cli.ts');

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
