import os from 'node:os';
import { errorData } from '../events/error-data.ts';
import { ignoreRejection } from '../events/thenable.ts';
import { callable, checking, formatValue, rule, throwIfInvalid, wait } from './definition/option-rules.ts';
import { Engine } from './engine.ts';
import { optionProblem, type Problem } from './errors/problem.ts';

export type SignalHandlerOptions = {
  /** Signals to handle. Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** How long running tasks may continue after the first signal, in ms; then they are aborted. Default 10,000. */
  readonly graceMs?: number | undefined;
  /** Called with 128 + the signal's number when all jobs have ended or on a third signal. Default, and if it fails: `process.exit`. */
  readonly exit?: ((code: number) => void) | undefined;
};

/**
 * Ends the program cleanly: the first signal drains the engine, the second aborts running tasks, the third exits.
 * Returns a function that removes the handlers. Closing the engine removes the handlers, too.
 * @throws OptionError
 */
export const installSignalHandlers = (engine: Engine, options: SignalHandlerOptions = {}): (() => void) => {
  throwIfInvalid('installSignalHandlers', [...engineProblems(engine), ...optionProblems(options)]);
  const { signals = ['SIGTERM', 'SIGINT'], graceMs = 10_000, exit = exitNow } = options;
  let received = 0;
  const handle = (signal: NodeJS.Signals): void => {
    const code = 128 + os.constants.signals[signal];
    received++;
    if (received > 2) leave(exit, code);
    else if (received > 1) engine.close({ mode: 'abort' });
    else
      engine.close({ mode: 'drain', graceMs }).then(() => {
        remove();
        leave(exit, code);
      });
  };
  const remove = (): void => {
    for (const signal of signals) process.removeListener(signal, handle);
  };
  for (const signal of new Set(signals)) process.on(signal, handle);
  engine.events$.subscribe({ complete: () => received === 0 && remove() });
  return remove;
};

const exitNow = (code: number): void => process.exit(code);

/** Calls `exit`. If it throws or rejects, the process warns and exits as it does without that option. */
const leave = async (exit: (code: number) => unknown, code: number): Promise<void> => {
  try {
    await exit(code);
  } catch (error) {
    ignoreRejection(error);
    const message = `The function "exit" of installSignalHandlers threw: ${errorData(error).message}. The process exits.`;
    process.emitWarning(message, { code: 'TINTYPE_SHIELDED' });
    // A warning is printed in the next tick.
    setImmediate(exitNow, code);
  }
};

const optionProblems = checking('The handlers', {
  signals: rule(
    'names of signals that can be handled, such as "SIGTERM"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(canBeHandled),
  ),
  graceMs: wait,
  exit: callable,
});

/** Returns whether a handler can receive the signal: any but `SIGKILL` and `SIGSTOP`. */
const canBeHandled = (signal: unknown): boolean =>
  typeof signal === 'string' && Object.hasOwn(os.constants.signals, signal) && !['SIGKILL', 'SIGSTOP'].includes(signal);

const engineProblems = (engine: unknown): readonly Problem[] => {
  if (engine instanceof Engine) return [];
  return [optionProblem('engine', `It was given ${formatValue(engine)}: expected an engine, made by createEngine.`)];
};
