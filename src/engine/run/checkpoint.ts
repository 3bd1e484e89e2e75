import { errorData } from '../../events/error-data.ts';
import type { Checkpoint } from '../definition/task-function.ts';
import { encodeAs } from '../durable/encode-as.ts';
import { decode } from '../durable/serialise.ts';
import { CommandError } from '../errors/errors.ts';
import type { Attempt } from '../model/attempt.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import { logOf } from './task-log.ts';

/** An attempt, with its task and job. */
export type Work = { readonly job: JobRun; readonly task: TaskRun; readonly attempt: Attempt };

/** Creates the checkpoint of an attempt. Each read of `last` decodes a new copy, as after a crash. */
export const checkpointOf = <Value>({ job, task, attempt }: Work): Checkpoint<Value> => ({
  get last(): Value | undefined {
    return task.checkpoint === undefined ? undefined : (decode(task.checkpoint) as Value);
  },
  save: (value) => {
    const saving = save({ job, task, attempt }, value);
    // Log the failure for a caller that does not await the promise.
    saving.catch((error) => logOf(job, task.path, attempt).warn(errorData(error).message));
    return saving;
  },
});

const save = async ({ job, task, attempt }: Work, value: unknown): Promise<void> => {
  if (attempt.phase !== 'live') {
    const message = `Task "${task.path}" can't save a checkpoint: its attempt ${attempt.number} is over.`;
    throw new CommandError('INVALID_STATE', message, task.path);
  }
  const text = encodeAs('UNSERIALISABLE_CHECKPOINT', `The checkpoint of task "${task.path}"`, value);
  task.checkpoint = text;
  const { recorder } = job;
  if (!recorder) return;
  recorder.put(task.path, 'checkpoint', text);
  await new Promise<void>((resolve, reject) => recorder.afterCommit(resolve, reject));
};
