import { textOf } from '../../events/error-data.ts';
import type { LogLevel } from '../../events/event.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import type { TaskLogger } from '../definition/task-function.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun } from '../model/run.ts';

/** Creates the logger of an attempt; each call publishes a `task.log` event. */
export const logOf = (job: JobRun, task: string, attempt: Pick<Attempt, 'number'>): TaskLogger => {
  const at =
    (level: LogLevel) =>
    (message: string, data?: unknown): void => {
      const more = data === undefined ? {} : { data: jsonSafe(data) };
      job.publishLog({ type: 'task.log', task, attempt: attempt.number, level, message: textOf(message), ...more });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};
