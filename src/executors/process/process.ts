/* The executors (`src/executors`) perform attempts outside the engine: they run a process (`process/`), submit a Spark
 * application (`spark/`), send an HTTP request (`http/`) or query a database (`sql/`); `mask/` hides secrets. This
 * folder runs commands: `bash.ts`, `python.ts` and `node.ts` define tasks, `ready-when.ts` a sensor's check,
 * `exit-codes.ts` what exit codes mean. In an attempt, `data-files.ts` writes the context and large data to files of a
 * `temporary-folder.ts` (`variables.ts`: what goes by file), and `process.ts` starts the command, with its input and
 * output files (`standard-streams.ts`), as leader of a process group (`group.ts`, `group-members.ts`), which
 * `lifeline.ts` ends if this process is killed. `output-lines.ts` splits the output into log lines, `output-capture.ts`
 * collects it, `output-gate.ts` pauses it while the terminal is slow. When the command has exited, `process.ts` ends
 * leftover processes, and `output-error.ts` parses the output. */

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { TaskFunction, TaskScope } from '../../engine/definition/task-function.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { noRetry } from '../errors.ts';
import { type Mask, NO_MASK } from '../mask/mask.ts';
import { type Data, type DataFiles, openDataFiles } from './data-files.ts';
import { type ProcessEnd, ProcessError, ProcessNotFoundError, ProcessStartError, TAIL_LINES } from './error.ts';
import { type ProcessGroup, processGroup } from './group.ts';
import { lifeline } from './lifeline.ts';
import { type Capture, capture, type OutputForm } from './output-capture.ts';
import { type OutputGate, outputGate } from './output-gate.ts';
import { outputLines } from './output-lines.ts';
import { type OutputFiles, openOutputFiles, openStdin, type Stdin } from './standard-streams.ts';
import type { StopSignal } from './stop-signals.ts';
import { inheritedEnv, isTooLong } from './variables.ts';

export type ProcessOptions = {
  /** The command's working directory. Default: the working directory of this process. */
  readonly cwd?: string | undefined;
  /** Variables added to the environment of this process; `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Data in variables and files. Default: none. */
  readonly data?: Data | undefined;
  /** Arguments of the command. The first is `$1` in bash, `sys.argv[1]` in Python, `process.argv[1]` in Node.js. */
  readonly args?: readonly string[] | undefined;
  /** How standard output becomes the task's output. Default: standard output is only logged. */
  readonly output?: OutputForm | undefined;
  /** The largest output, in bytes. Default `MAX_OUTPUT_BYTES`. */
  readonly maxOutputBytes?: number | undefined;
  /** What the command reads as its standard input. Default: nothing. */
  readonly stdin?: Stdin | undefined;
  /** Files to which standard output and standard error are appended as they are, unmasked. Default: they are only logged. */
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
  /** Exit codes that count as 0 does: the attempt succeeds, and has its output. Default: none but 0. */
  readonly successCodes?: ReadonlySet<number> | undefined;
  /** The signal that asks processes to end. Default SIGTERM. */
  readonly stopSignal?: StopSignal | undefined;
  /** How long processes may take to end after that signal before they get SIGKILL, in ms. Default 2000. */
  readonly killGraceMs?: number | undefined;
  /** Holds back the command's output. Default: output is read as fast as it is printed. */
  readonly gate?: OutputGate | undefined;
  /** Masks secrets in lines before they are cut or logged, and in errors. Default: masks nothing. */
  readonly mask?: Mask | undefined;
  /** Receives the standard error as it is printed. */
  readonly heard?: ((chunk: Buffer) => void) | undefined;
};

/** Options for all attempts, or a function that makes them for each attempt. */
export type ProcessOptionsOf = ProcessOptions | ((scope: TaskScope) => ProcessOptions);

export type Command = {
  /** The type of the task as errors name it, such as `bash`. */
  readonly type: string;
  /** The interpreter, followed by others to try if it is not installed. */
  readonly programs: readonly [string, ...string[]];
  /** Arguments of the interpreter; the arguments in `ProcessOptions` come after them. */
  readonly args: readonly string[];
  /** How to start a command that is too long for an argument. Default: the system refuses it. */
  readonly long?: LongCommand | undefined;
  /**
   * Whether the command always writes the output's file, an empty one if it has no output, and then closes descriptor
   * `ANSWER_FD` and ends within `LINGER_MS`. It is ended if it does not.
   */
  readonly answers?: boolean;
};

export type LongCommand = {
  readonly text: string;
  /** Returns the arguments of the interpreter if the file at `path` has the text. */
  readonly args: (path: string) => readonly string[];
  /** Whether the interpreter reads the file as its standard input. */
  readonly asInput?: boolean;
};

export const KILL_GRACE_MS = 2000;

/**
 * Makes a task that runs a command in a new process per attempt. Standard output is logged as `info`, standard error as
 * `warn`. On abort the process group gets SIGTERM, or `stopSignal`, then SIGKILL, as do processes left after a normal exit. The attempt
 * ends when the group is gone; a later attempt of the task starts only then. The process reads the context as JSON
 * from the file named by `TINTYPE_CONTEXT`. It writes its output as JSON to the one named by `TINTYPE_OUTPUT`, or
 * prints it as `options.output` says. If it does both, two mappings are merged (the file wins); otherwise the file
 * counts.
 * @throws SerialisationError if the command can't write a value as JSON
 * @throws ProcessError for an exit code other than 0 and `successCodes`, or a signal; OutputError if the output is invalid or too large
 * @throws ProcessStartError if the system lacks processes, open files or memory at the moment
 * @throws NonRetryableError with a ProcessNotFoundError, or another ProcessStartError, as its cause, or if the
 * temporary folder can't be created
 */
export const processTask = (command: Command, options: ProcessOptionsOf): TaskFunction =>
  inTurns((scope) => runProcess(command, typeof options === 'function' ? options(scope) : options, scope));

/** Wraps a task function so that an attempt begins only when the attempt of the same task before it has settled. */
export const inTurns = (run: TaskFunction): TaskFunction => {
  // The latest attempt of each task, by job and task.
  const running = new Map<string, Promise<unknown>>();
  return async (scope) => {
    const task = `${scope.jobId}\n${scope.taskName}`;
    const previous = running.get(task)?.catch(() => {}) ?? Promise.resolve();
    const attempt = previous.then(() => run(scope));
    running.set(task, attempt);
    try {
      return await attempt;
    } finally {
      if (running.get(task) === attempt) running.delete(task);
    }
  };
};

const runProcess = async (command: Command, options: ProcessOptions, scope: TaskScope): Promise<unknown> => {
  scope.signal.throwIfAborted();
  const dataFiles = openDataFiles(scope, options.data);
  try {
    const outputFiles = openOutputFiles(options);
    try {
      return await runInGroup(command, options, scope, dataFiles, outputFiles);
    } finally {
      outputFiles.close();
    }
  } finally {
    dataFiles.close();
  }
};

const runInGroup = async (
  command: Command,
  options: ProcessOptions,
  { signal, log }: TaskScope,
  dataFiles: DataFiles,
  outputFiles: OutputFiles,
): Promise<unknown> => {
  const { stopSignal } = options;
  const graceMs = options.killGraceMs ?? KILL_GRACE_MS;
  const { child, group } = await startFirstInstalled(command, options, dataFiles);
  const gate = options.gate ?? outputGate();
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const captured = options.output && capture(options.output, options.mask, options.maxOutputBytes);
  if (captured) child.stdout.on('data', captured.write);
  if (outputFiles.stdout) child.stdout.on('data', outputFiles.stdout);
  if (outputFiles.stderr) child.stderr.on('data', outputFiles.stderr);
  if (options.heard) child.stderr.on('data', options.heard);
  const stdout = logLines(child.stdout, log.info, options.mask);
  const stderr = logLines(child.stderr, log.warn, options.mask);
  const releases = [gate.hold(child.stdout), gate.hold(child.stderr)];
  const abort = (): void => void group.end(graceMs, stopSignal);
  const wasOverdue = command.answers ? endOverdue(child, abort) : () => false;
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const exit = await waitForExit(child);
    const wasKilled = group.wasKilled();
    if (await endLeftovers(group, graceMs, stopSignal, signal)) log.warn(LEFTOVERS);
    group.release();
    // While the gate is closed, silence does not mean that the output is complete. An aborted attempt does not wait.
    await drainOutput(child, closed, () => gate.isOpen() || signal.aborted);
    stdout.end();
    stderr.end();
    signal.throwIfAborted();
    if (wasOverdue()) log.warn(OVERDUE);
    const end = wasOverdue() && exit.signal !== null ? { exitCode: 0, signal: null } : exit;
    const hasSucceeded = end.exitCode === 0 || (end.exitCode !== null && options.successCodes?.has(end.exitCode));
    if (!hasSucceeded) dataFiles.throwIfRefused(options.mask);
    else if (command.answers) dataFiles.requireOutput();
    if (!hasSucceeded) {
      throw new ProcessError(command.type, { ...end, wasKilled }, { stdout: stdout.tail, stderr: stderr.tail });
    }
    if (end.exitCode !== 0) log.debug(`The exit code ${end.exitCode} counts as success.`);
    outputFiles.throwIfFailed();
    return outputOf(captured, dataFiles, options);
  } finally {
    signal.removeEventListener('abort', abort);
    for (const release of releases) release();
  }
};

const outputOf = (
  captured: Capture | undefined,
  dataFiles: DataFiles,
  { mask, maxOutputBytes }: ProcessOptions,
): unknown => {
  const printed = captured?.value();
  const written = dataFiles.read(mask, maxOutputBytes);
  if (written === undefined) return printed;
  return isPlainObject(printed) && isPlainObject(written) ? { ...printed, ...written } : written;
};

type Piped = ChildProcessByStdio<null, Readable, Readable>;

type Started = { readonly child: Piped; readonly group: ProcessGroup };

const startFirstInstalled = async (command: Command, options: ProcessOptions, files: DataFiles): Promise<Started> => {
  const { type, programs, long } = command;
  const path = long && isTooLong(long.text) ? files.write(long.text) : undefined;
  const args = long && path !== undefined ? long.args(path) : command.args;
  const { stdin } = options;
  const isInput = long?.asInput && path !== undefined;
  if (isInput && stdin) throw noRetry(new ProcessStartError(INPUT_TAKEN));
  const input = isInput ? openSync(path, 'r') : stdin && openStdin(type, stdin, files.write);
  try {
    for (const program of programs) {
      const child = spawnOrThrow(command, program, [...args, ...(options.args ?? [])], options, files, input);
      // Register the group before any other code runs: a kill of this process must not spare the command.
      if (child.pid !== undefined) return { child, group: processGroup(child) };
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
      requireDirectory(type, options.cwd);
      if (error.code !== 'ENOENT') throw notStarted(type, error);
    }
  } finally {
    if (input !== undefined) closeSync(input);
  }
  throw noRetry(new ProcessNotFoundError(type, programs));
};

const INPUT_TAKEN =
  'The code of a node task is too long for an argument, so that it is the standard input, and there can be no other. Put the code into a file, and name that as the module.';

const spawnOrThrow = (
  command: Command,
  program: string,
  args: readonly string[],
  options: ProcessOptions,
  files: Pick<DataFiles, 'env' | 'optional'>,
  input: number | undefined,
): Piped => {
  const { type, answers } = command;
  const { env, optional } = files;
  lifeline.expect(env.TINTYPE_OUTPUT as string);
  try {
    return spawn(program, args, {
      detached: true,
      stdio: [input ?? 'ignore', 'pipe', 'pipe', ...(answers ? (['pipe'] as const) : [])],
      windowsHide: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: {
        ...inheritedEnv(),
        ...env,
        ...(options.env && 'TRACEPARENT' in options.env && NO_TRACESTATE),
        ...options.env,
      },
    }) as Piped;
  } catch (error) {
    requireDirectory(type, options.cwd);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'E2BIG' || optional.length === 0) throw notStarted(type, error as NodeJS.ErrnoException);
    const less = Object.fromEntries(Object.entries(env).filter(([name]) => !optional.includes(name)));
    return spawnOrThrow(command, program, args, options, { env: less, optional: [] }, input);
  }
};

/** The command belongs to a trace of the user's: the attempt's `tracestate` says nothing of that. */
const NO_TRACESTATE = { TRACESTATE: undefined };

/** Throws if the working directory is missing: the system's own error would say that the program is missing. */
const requireDirectory = (type: string, cwd: string | undefined): void => {
  if (cwd === undefined || statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  const message = `A ${type} task can't run in ${cwd}, which is not a directory. Create it, or correct the path.`;
  throw noRetry(new ProcessStartError(message));
};

const notStarted = (type: string, cause: NodeJS.ErrnoException): Error => {
  const { code = '' } = cause;
  const message = `A ${type} command could not be started: ${cause.message}.${REMEDIES[code] ?? ''}`;
  const error = new ProcessStartError(message, { cause });
  // A shortage may be over by the next attempt; any other reason will remain.
  return TRANSIENT.has(code) ? error : noRetry(error);
};

const REMEDIES: Readonly<Record<string, string>> = {
  E2BIG:
    ' The command, its arguments or the environment are too long for the system: put a long command into a file, and read data from the files $TINTYPE_CONTEXT and, with `map`, $TINTYPE_ITEM_FILE.',
  EACCES: ' Make the program executable, and its directory readable.',
  EAGAIN: ' Too many processes are running; use fewer workers.',
  EMFILE: ' Too many files are open; use fewer workers, or raise `ulimit -n`.',
};

const TRANSIENT: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Logs each line of a stream, and keeps the last `TAIL_LINES`. */
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

const waitForExit = (child: ChildProcess): Promise<ProcessEnd> =>
  new Promise((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })));

/** Descriptor that a command closes when it has answered. */
export const ANSWER_FD = 3;

/** Calls `end` if the command has answered but does not exit, perhaps because it blocks. Returns whether it did so. */
const endOverdue = (child: ChildProcess, end: () => void): (() => boolean) => {
  const answer = child.stdio[ANSWER_FD] as Readable;
  let isOverdue = false;
  let timer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    clearTimeout(timer);
    answer.destroy();
  });
  const overdue = (): void => {
    isOverdue = true;
    end();
  };
  answer.on('error', () => {});
  answer.once('end', () => {
    // Twice the time, so that a command which ends itself in time is not signalled.
    timer = setTimeout(overdue, 2 * LINGER_MS);
  });
  answer.resume();
  return () => isOverdue;
};

const OVERDUE =
  'The module returned but its process did not end, so it was ended. Stop what it leaves running before it returns.';

/** Ends leftover processes. Resolves to true if it had to signal them although the attempt was not aborted. */
const endLeftovers = async (
  group: ProcessGroup,
  graceMs: number,
  stopSignal: StopSignal | undefined,
  signal: AbortSignal,
): Promise<boolean> => {
  if (!signal.aborted && (await group.gone(LINGER_MS))) return false;
  const unasked = !signal.aborted;
  await group.end(graceMs, stopSignal);
  return unasked;
};

/**
 * How long, in ms, processes may outlive the command: `tee` in `> >(tee log)` ends just after its shell. Also the
 * silence after which output counts as complete.
 */
export const LINGER_MS = 200;

const LEFTOVERS =
  'The command ended but left processes running, which were ended too. Let it `wait` for them, or start them with `setsid` to keep them.';

/**
 * Waits for the rest of the output, then closes both pipes. A process that left the group may hold them open for ever,
 * so the wait also ends on silence while `isRead`, or after more output than both pipes can hold.
 */
const drainOutput = async (child: Piped, closed: Promise<void>, isRead: () => boolean): Promise<void> => {
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

/** The most that the pipes of standard output and standard error hold: on Linux 1 MiB each, by default. */
const PIPES_HOLD_BYTES = 2 * 2 ** 20;
