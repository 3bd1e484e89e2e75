import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { processGroup } from '../process/group.ts';
import { inheritedEnv } from '../process/variables.ts';
import { SQLITE_RUNNER, type SqliteReply, type SqliteRequest } from './sqlite-runner.ts';

export type SqliteCrash = { readonly problem: 'crash'; readonly message: string };

/** Runs a query in a child process, which is killed on abort. Settles only when the child process has ended. */
export const querySqliteProcess = async (
  request: SqliteRequest,
  signal: AbortSignal,
): Promise<SqliteReply | SqliteCrash> => {
  signal.throwIfAborted();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', SQLITE_RUNNER],
    // NODE_OPTIONS is cleared, since its options, such as a debugger's, are meant for this process alone.
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
      env: { ...inheritedEnv(), NODE_OPTIONS: '' },
    },
  );
  if (child.pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    return { problem: 'crash', message: `it could not be started: ${error.message}` };
  }
  const group = processGroup(child);
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
      child.once('close', (exitCode, signalName) => resolve(signalName ?? exitCode));
    });
    const stdout = collected(child.stdout);
    const stderr = collected(child.stderr);
    const lifeline = child.stdio[3] as Duplex;
    // Writing fails if the process has ended; its exit code and standard error say why.
    for (const stream of [lifeline, child.stdin]) stream.on('error', () => {});
    lifeline.resume();
    child.stdin.end(JSON.stringify(request));
    const how = await ended;
    signal.throwIfAborted();
    return how === 0 ? (JSON.parse(stdout()) as SqliteReply) : crash(how, stderr());
  } finally {
    signal.removeEventListener('abort', kill);
    group.release();
  }
};

const collected = (stream: NodeJS.ReadableStream): (() => string) => {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
};

const crash = (how: NodeJS.Signals | number | null, stderr: string): SqliteCrash => {
  const said = stderr.trim().split('\n').slice(-MAX_LINES).join('\n');
  const end = typeof how === 'string' ? `was ended by ${how}` : `exited with code ${how}`;
  return { problem: 'crash', message: `its process ${end}${said === '' ? '' : `: ${said}`}` };
};

const MAX_LINES = 5;
