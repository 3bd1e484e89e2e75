import type { JobRecorder } from '../durable/job-recorder.ts';
import { decode } from '../durable/serialise.ts';
import { complete, failExternal } from '../kinds/external.ts';
import type { JobRun } from '../model/run.ts';
import { findTask } from '../run/find-task.ts';
import { cancelJob } from '../run/shutdown.ts';

/** A request to a job that another process runs, sent through the journal. */
export type Message =
  | { readonly type: 'cancel'; readonly reason?: string | undefined; readonly mode?: 'abort' | 'drain' | undefined }
  /** `output`: the task's output, encoded as JSON. */
  | {
      readonly type: 'complete';
      readonly task: string;
      readonly output?: string | undefined;
      readonly token?: string | undefined;
    }
  | { readonly type: 'fail'; readonly task: string; readonly error: string; readonly token?: string | undefined };

/** Handles the messages to a job. If a request for a task fails, publishes a `task.log` warning of the task. */
export const handleMessages = (job: JobRun, recorder: JobRecorder): void => {
  recorder.onMessage = (text) => job.inContext(() => handleMessage(job, text));
};

const handleMessage = (job: JobRun, text: string): void => {
  // Who sent a message may not know the secrets in it.
  const { redact = (value: unknown) => value } = job.plan.options;
  const message = parsed(text);
  if (!message) return;
  if (message.type === 'cancel') {
    cancelJob(job, message.mode ?? 'abort', redact(message.reason));
    return;
  }
  job.startNow?.();
  if (job.over) return;
  const warn = (error: unknown): void =>
    job.publish({
      type: 'task.log',
      task: message.task,
      attempt: 0,
      level: 'warn',
      message: error instanceof Error ? error.message : String(error),
    });
  try {
    const { task } = findTask(job, message.task);
    if (!task) warn(`Task "${message.task}" has not begun: what another process brought for it is not taken.`);
    else if (message.type === 'fail') failExternal(task, new Error(String(redact(message.error))), message.token);
    else Promise.resolve(complete(task, redact(outputOf(message.output)), message.token)).catch(warn);
  } catch (error) {
    warn(error);
  }
};

/** Returns undefined for a message that this version does not know; a newer version may have sent it. */
const parsed = (text: string): Message | undefined => {
  try {
    const message = JSON.parse(text) as Message;
    return ['cancel', 'complete', 'fail'].includes(message.type) ? message : undefined;
  } catch {
    return undefined;
  }
};

const outputOf = (text: string | undefined): unknown => (text === undefined ? undefined : decode(text));
