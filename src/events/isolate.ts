import { errorData } from './error-data.ts';
import { ignoreRejection, isThenable } from './thenable.ts';

/**
 * Returns a function that calls user code and catches its errors and rejections. The first is reported as a process
 * warning, later ones are dropped. `what` names the user code in the warning.
 */
export const isolate = (what: string): ((call: () => unknown) => void) => {
  let warned = false;
  const warn = (error: unknown): void => {
    ignoreRejection(error);
    if (warned) return;
    warned = true;
    process.emitWarning(`${what} threw: ${errorData(error).message}. The job goes on.`, { code: 'TINTYPE_SHIELDED' });
  };
  return (call) => {
    try {
      const answer = call();
      if (isThenable(answer)) answer.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  };
};

/** Returns an observer whose errors, and those of the operators before it, are caught as `isolate` does. */
export const isolatedObserver = <Value>(
  what: string,
  next: (value: Value) => void,
): { readonly next: (value: Value) => void; readonly error: (error: unknown) => void } => {
  const isolated = isolate(what);
  return {
    next: (value) => isolated(() => next(value)),
    error: (error) => isolated(() => Promise.reject(error)),
  };
};
