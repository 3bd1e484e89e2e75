import type { TaskFunction, TaskLogger } from '../../engine/definition/task-function.ts';
import { type Mask, NO_MASK } from './mask.ts';
import { maskError } from './mask-error.ts';

/** Wraps a task function so that its logs, progress messages, output and errors hold no secrets. */
export const masked = (run: TaskFunction, mask: Mask): TaskFunction => {
  if (mask === NO_MASK) return run;
  return async (scope) => {
    try {
      const progress = (fraction: number, message?: string): void =>
        scope.progress(fraction, message === undefined ? undefined : mask.text(message));
      return mask.data(await run({ ...scope, log: maskedLogger(scope.log, mask), progress }));
    } catch (error) {
      throw maskError(error, mask);
    }
  };
};

const maskedLogger = (log: TaskLogger, mask: Mask): TaskLogger => {
  const at =
    (level: keyof TaskLogger) =>
    (message: string, data?: unknown): void =>
      log[level](mask.text(message), mask.data(data));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};
