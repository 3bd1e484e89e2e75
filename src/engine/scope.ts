import { textOf } from '../events/error-data.ts';
import type { LogLevel } from '../events/event.ts';
import { jsonSafe } from '../events/json-safe.ts';
import type { Attempt } from './attempt.ts';
import type { JobRun } from './job-run.ts';
import type { TaskLogger, TaskScope } from './task-function.ts';
import type { TaskRun } from './task-run.ts';

/** What a task function receives: an object that may be taken apart and spread. What costs something is made when read. */
export const createScope = (job: JobRun, task: TaskRun, attempt: Attempt): TaskScope => {
  const { name } = task.definition;
  return {
    get ctx() {
      return job.context.at(attempt.version);
    },
    get deps() {
      return outputsOf(job, task.index);
    },
    get signal() {
      return attempt.signal;
    },
    get log() {
      return logOf(job, name, attempt);
    },
    isActive: () => attempt.phase === 'live' && !attempt.aborted,
    attempt: attempt.number,
    jobId: job.id,
    taskName: name,
    progress: (fraction, message) => {
      if (!(fraction >= 0 && fraction <= 1)) {
        throw new RangeError(`Task "${name}" reported a progress of ${fraction}: expected a number from 0 to 1.`);
      }
      if (attempt.phase === 'over') return;
      const said = message === undefined ? {} : { message: textOf(message) };
      job.publish({ type: 'task.progress', task: name, attempt: attempt.number, fraction, ...said });
    },
  };
};

const logOf = (job: JobRun, task: string, attempt: Attempt): TaskLogger => {
  const at =
    (level: LogLevel) =>
    (message: string, data?: unknown): void => {
      const more = data === undefined ? {} : { data: jsonSafe(data) };
      job.publish({ type: 'task.log', task, attempt: attempt.number, level, message: textOf(message), ...more });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

const outputsOf = (job: JobRun, index: number): Readonly<Record<string, unknown>> => {
  const outputs: [string, unknown][] = [];
  for (const upstream of job.plan.graph.upstream[index] ?? []) {
    outputs.push([job.plan.graph.names[upstream] as string, job.tasks[upstream]?.output]);
  }
  return Object.freeze(Object.fromEntries(outputs));
};
