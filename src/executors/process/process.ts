import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import { NonRetryableError } from '../../engine/errors/errors.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { ProcessError, ProcessNotFoundError, ProcessStartError, TAIL_LINES } from './error.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { type ProcessGroup, processGroup } from './group.ts';
import { type Capture, capture, type OutputForm } from './output-capture.ts';
import { type OutputGate, outputGate } from './output-gate.ts';
import { outputLines } from './output-lines.ts';

export type ProcessOptions = {
  /** Default: the working directory of this process. */
  readonly cwd?: string | undefined;
  /** Added to the environment of this process; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What the command finds as its arguments: `$1` in bash, `sys.argv[1]` in Python, `process.argv[1]` in Node.js. */
  readonly args?: readonly string[] | undefined;
  /** What the standard output makes as the task's output. Default: nothing. */
  readonly output?: OutputForm | undefined;
  /** How long a process may take to end after SIGTERM, before SIGKILL, in ms. Default 2000. */
  readonly killGraceMs?: number | undefined;
  /** Default: output is read as fast as it is printed. */
  readonly gate?: OutputGate | undefined;
  /** Applied to every line before it is cut or logged. Default: nothing is masked. */
  readonly mask?: Mask | undefined;
};

/** The same for every attempt, or made for each. */
export type ProcessOptionsOf = ProcessOptions | ((scope: TaskScope) => ProcessOptions);

export type Command = {
  /** What the task's author calls it, such as `bash`. */
  readonly type: string;
  /** The interpreter, and what to try when it is missing. */
  readonly programs: readonly [string, ...string[]];
  readonly args: readonly string[];
};

export const KILL_GRACE_MS = 2000;

/**
 * A task whose attempts each run a command as a process of their own. Every line of its standard output is logged as
 * `info`, of its standard error as `warn`. When the signal aborts, the process and all that it started get SIGTERM, then
 * SIGKILL; the attempt ends when they are gone, and so it does after a normal exit: what the command left running in its
 * process group is ended. An attempt waits for the processes of the one before it.
 *
 * The process finds the context as JSON in the file that `TINTYPE_CONTEXT` names. Its output is what it writes as JSON to
 * the file that `TINTYPE_OUTPUT` names, or what `options.output` makes of its standard output; of both, when both are
 * mappings, the merged one; else the file's.
 *
 * @throws ProcessError on an exit code other than 0
 * @throws OutputError of an output that is no JSON, or too large
 * @throws NonRetryableError with a ProcessNotFoundError or a ProcessStartError as its cause
 */
export const processTask = (command: Command, options: ProcessOptionsOf): TaskFunction => {
  const running = new Map<string, Promise<unknown>>();
  return async (scope) => {
    const task = `${scope.jobId}\n${scope.taskName}`;
    const attempt = after(running.get(task)).then(() =>
      runProcess(command, typeof options === 'function' ? options(scope) : options, scope),
    );
    running.set(task, attempt);
    try {
      return await attempt;
    } finally {
      if (running.get(task) === attempt) running.delete(task);
    }
  };
};

const after = async (previous: Promise<unknown> | undefined): Promise<void> => {
  await previous?.catch(() => {});
};

const runProcess = async (command: Command, options: ProcessOptions, scope: TaskScope): Promise<unknown> => {
  scope.signal.throwIfAborted();
  const exchange = openExchange(scope);
  try {
    return await runInGroup(command, options, scope, exchange);
  } finally {
    exchange.close();
  }
};

const runInGroup = async (
  command: Command,
  options: ProcessOptions,
  { signal, log }: TaskScope,
  exchange: Exchange,
): Promise<unknown> => {
  const graceMs = options.killGraceMs ?? KILL_GRACE_MS;
  const child = await started(command, options, exchange.env);
  const group = processGroup(child);
  const gate = options.gate ?? outputGate();
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const captured = options.output && capture(options.output, options.mask);
  if (captured) child.stdout.on('data', captured.write);
  const stdout = logLines(child.stdout, log.info, options.mask);
  const stderr = logLines(child.stderr, log.warn, options.mask);
  const letGo = [gate.hold(child.stdout), gate.hold(child.stderr)];
  const abort = (): void => void group.end(graceMs);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const end = await exited(child);
    if (await endLeftovers(group, graceMs, signal)) log.warn(LEFTOVERS);
    group.release();
    // The output of an attempt that was aborted is not worth waiting for whoever shows it.
    await drained(child, closed, () => gate.isOpen() || signal.aborted);
    stdout.end();
    stderr.end();
    signal.throwIfAborted();
    if (end.exitCode !== 0) throw new ProcessError(command.type, end, { stdout: stdout.tail, stderr: stderr.tail });
    return outputOf(captured, exchange, options.mask);
  } finally {
    signal.removeEventListener('abort', abort);
    for (const free of letGo) free();
  }
};

const outputOf = (captured: Capture | undefined, exchange: Exchange, mask: Mask | undefined): unknown => {
  const printed = captured?.value();
  const written = exchange.read(mask);
  if (written === undefined) return printed;
  return isPlainObject(printed) && isPlainObject(written) ? { ...printed, ...written } : written;
};

type Piped = ChildProcessByStdio<null, Readable, Readable>;

/** Starts the first program of the command that there is. */
const started = async (
  { type, programs, args }: Command,
  options: ProcessOptions,
  env: Readonly<Record<string, string>>,
): Promise<Piped> => {
  for (const program of programs) {
    const child = spawnOrThrow(type, program, [...args, ...(options.args ?? [])], options, env);
    if (child.pid !== undefined) return child;
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    requireDirectory(type, options.cwd);
    if (error.code !== 'ENOENT') throw notStarted(type, error);
  }
  const error = new ProcessNotFoundError(type, programs);
  throw new NonRetryableError(error.message, { cause: error });
};

const spawnOrThrow = (
  type: string,
  program: string,
  args: readonly string[],
  options: ProcessOptions,
  env: Readonly<Record<string, string>>,
): Piped => {
  try {
    return spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...env, ...options.env },
    });
  } catch (error) {
    requireDirectory(type, options.cwd);
    throw notStarted(type, error as NodeJS.ErrnoException);
  }
};

/** The system reports a missing directory as a missing program. */
const requireDirectory = (type: string, cwd: string | undefined): void => {
  if (cwd === undefined || statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  const error = new ProcessStartError(
    `A ${type} task can't run in ${cwd}, which is not a directory. Create it, or correct the path.`,
  );
  throw new NonRetryableError(error.message, { cause: error });
};

const notStarted = (type: string, cause: NodeJS.ErrnoException): Error => {
  const remedy = REMEDIES[cause.code ?? ''];
  const error = new ProcessStartError(`A ${type} command could not be started: ${cause.message}.${remedy ?? ''}`, {
    cause,
  });
  // What is short now may be there later; all else stays as it is.
  return TRANSIENT.has(cause.code ?? '') ? error : new NonRetryableError(error.message, { cause: error });
};

const REMEDIES: Readonly<Record<string, string>> = {
  E2BIG:
    ' The command, its arguments or the environment are too long for the system: put a long command into a file, and read data from the file $TINTYPE_CONTEXT.',
  EACCES: ' Make the program executable, and its directory readable.',
  EAGAIN: ' Too many processes are running; use fewer workers.',
  EMFILE: ' Too many files are open; use fewer workers, or raise `ulimit -n`.',
};

const TRANSIENT: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Logs each line, and keeps the last ones. */
const logLines = (
  stream: Readable,
  log: (line: string) => void,
  mask: Mask = NO_MASK,
): { readonly tail: readonly string[]; readonly end: () => void } => {
  const tail: string[] = [];
  const lines = outputLines((line) => {
    if (tail.push(line) > TAIL_LINES) tail.shift();
    log(line);
  }, mask);
  stream.on('data', lines.write);
  return { tail, end: lines.end };
};

const exited = (child: ChildProcess): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> =>
  new Promise((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })));

/** Ends what the command left running. Resolves to whether that took a signal which the attempt's end did not call for. */
const endLeftovers = async (group: ProcessGroup, graceMs: number, signal: AbortSignal): Promise<boolean> => {
  if (!signal.aborted && (await group.gone(LINGER_MS))) return false;
  const unasked = !signal.aborted;
  await group.end(graceMs);
  return unasked;
};

/** How long what the command started may outlive it unasked: `tee` in `> >(tee log)` ends just after its shell. */
const LINGER_MS = 200;

const LEFTOVERS =
  'The command ended but left processes running, which were ended too. Let it `wait` for them, or start them with `setsid` to keep them.';

/**
 * Waits for the rest of the output. A process that left the group may hold the pipes open for ever: silence ends the
 * wait, or more than pipes hold.
 */
const drained = async (child: Piped, closed: Promise<void>, isRead: () => boolean): Promise<void> => {
  let silent = false;
  let rest = 0;
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    const heard = (chunk: Buffer): void => {
      silent = false;
      rest += chunk.length;
      if (rest > PIPES_HOLD_BYTES) resolve();
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    timer = setInterval(() => {
      if (silent) resolve();
      silent = isRead();
    }, LINGER_MS);
  });
  await Promise.race([closed, enough]);
  clearInterval(timer);
  child.stdout.destroy();
  child.stderr.destroy();
};

/** Linux lets a pipe hold 1 MiB at most. */
const PIPES_HOLD_BYTES = 2 * 2 ** 20;
