import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { runCli } from '../../src/cli/run-cli.ts';

export type Captured = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** Runs the command line in this process; a job is kept only where `--db` says so. `columns` makes its output a terminal. */
export const tintype = async (
  argv: readonly string[],
  {
    columns,
    env = {},
    stdin,
    signals = new EventEmitter(),
  }: { columns?: number; env?: Record<string, string>; stdin?: Readable; signals?: EventEmitter } = {},
): Promise<Captured> => {
  const stdout = capture(columns);
  const stderr = capture(columns);
  const [command, ...rest] = argv;
  const given = command === 'run' && !argv.includes('--db') ? ['run', '--no-db', ...rest] : argv;
  const exitCode = await runCli(given, {
    stdout,
    stderr,
    env,
    signals,
    ...(stdin ? { stdin: () => stdin } : {}),
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
};

const capture = (columns: number | undefined) => {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, written) => {
      chunks.push(chunk);
      written();
    },
  });
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return Object.assign(stream, terminal, { text: () => Buffer.concat(chunks).toString() });
};

/** Writes a workflow file into a directory of its own. */
export const workflowFile = (text: string | Buffer, name = 'workflow.yaml'): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'tintype-')), name);
  writeFileSync(file, text);
  return file;
};

/** Compiles the command line as it will be published, and resolves to the path of its program. */
export const buildCli = async (): Promise<string> => {
  const root = join(import.meta.dirname, '../..');
  const target = join(root, 'node_modules/.cache', `tintype-test-${process.pid}`);
  mkdirSync(target, { recursive: true });
  cpSync(join(root, 'package.json'), join(target, 'package.json'));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(target, 'dist')];
  const program = join(target, 'dist/cli/main.js');
  // It emits in spite of type errors, which other checks report.
  await promisify(execFile)(process.execPath, args).catch((error) => {
    if (!existsSync(program)) throw error;
  });
  await promisify(execFile)(process.execPath, [join(root, 'scripts/bundle-cli.mjs'), join(target, 'dist')]);
  return program;
};

export type Started = {
  readonly child: ChildProcess;
  /** Resolves to the first line of standard output that matches, with its groups. */
  readonly line: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly ended: Promise<Captured & { readonly signal: NodeJS.Signals | null }>;
};

/** Starts a program, with more variables of the environment if need be, and collects what it prints. */
export const start = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Started => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  const changed = new EventEmitter();
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    changed.emit('data');
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Captured & { signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ exitCode: code ?? -1, signal, stdout, stderr }));
  });
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stdout);
        if (match) resolve(match);
      };
      changed.on('data', look);
      look();
      void ended.then(() => reject(new Error(`It ended without a line like ${pattern}:\n${stdout}\n${stderr}`)));
    });
  return { child, line, ended };
};

/** Whether there is such a process that is more than a zombie. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/^\d+ \(.*\) [ZX]/s.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
};
