import os from 'node:os';
import type { Engine } from './engine.ts';
import { OptionError } from './errors.ts';

export type SignalHandlerOptions = {
  /** Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** How long running work may go on after the first signal, in ms; then it is aborted. Default 10,000. */
  readonly graceMs?: number | undefined;
  /** Called once all jobs have ended, with 128 + the number of the signal. Default `process.exit`. */
  readonly exit?: ((code: number) => void) | undefined;
};

/**
 * Ends the program cleanly on a signal: the first drains the engine, a second aborts what still runs, a third exits at
 * once. Answers what takes the handlers away again; they go by themselves when the engine has closed. @throws OptionError
 */
export const installSignalHandlers = (engine: Engine, options: SignalHandlerOptions = {}): (() => void) => {
  const { signals = ['SIGTERM', 'SIGINT'], graceMs = 10_000, exit = (code) => process.exit(code) } = options;
  refuseUnknown(signals);
  let received = 0;
  const handle = (signal: NodeJS.Signals): void => {
    const code = 128 + (os.constants.signals[signal] ?? 0);
    received++;
    if (received > 2) {
      exit(code);
      return;
    }
    const closed = engine.close(received === 1 ? { mode: 'drain', graceMs } : { mode: 'abort' });
    if (received > 1) return;
    closed.then(() => {
      remove();
      exit(code);
    });
  };
  const remove = (): void => {
    for (const signal of signals) process.removeListener(signal, handle);
  };
  for (const signal of signals) process.on(signal, handle);
  engine.events$.subscribe({ complete: () => received === 0 && remove() });
  return remove;
};

const refuseUnknown = (signals: readonly string[]): void => {
  const unknown = signals.find((signal) => !Object.hasOwn(os.constants.signals, signal));
  if (unknown === undefined) return;
  const message = `There is no signal "${unknown}": expected names such as "SIGTERM".`;
  throw new OptionError('installSignalHandlers', [{ code: 'INVALID_OPTION', message, tasks: [], option: 'signals' }]);
};
