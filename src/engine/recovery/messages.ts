import type { JobRecorder } from '../durable/job-recorder.ts';
import { redactOf } from '../durable/redaction.ts';
import { decode } from '../durable/serialise.ts';
import { complete, failExternal, release } from '../kinds/external.ts';
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
  | { readonly type: 'fail'; readonly task: string; readonly error: string; readonly token?: string | undefined }
  | {
      readonly type: 'release';
      readonly task: string;
      readonly token?: string | undefined;
      readonly reason?: string | undefined;
    };

/** Handles the messages to a job. If a request for a task fails, publishes a `task.log` warning of the task. */
export const handleMessages = (job: JobRun, recorder: JobRecorder): void => {
  recorder.onMessage = (text, handled, sentBefore) =>
    job.inContext(() => handleMessage(job, text, { handled, sentBefore }));
};

type Receipt = { readonly handled: () => void; readonly sentBefore: boolean };

const handleMessage = (job: JobRun, text: string, { handled, sentBefore }: Receipt): void => {
  // Who sent a message may not know the secrets in it.
  const redact = redactOf(job.plan.options);
  const message = parsed(text);
  if (!message) {
    handled();
    return;
  }
  if (message.type === 'cancel') {
    // A second request ends clean-up. One from before the resumption is not the second: it was not known to be heeded.
    if (!sentBefore || job.stop?.to !== 'cancelled') cancelJob(job, message.mode ?? 'abort', redact(message.reason));
    handled();
    return;
  }
  job.startNow?.();
  if (job.over) {
    handled();
    return;
  }
  const warn = (error: unknown): void =>
    job.publish({
      type: 'task.log',
      task: message.task,
      attempt: 0,
      level: 'warn',
      message: error instanceof Error ? error.message : String(error),
    });
  const refuse = (error: unknown): void => {
    warn(error);
    handled();
  };
  try {
    const { task } = findTask(job, message.task);
    if (!task) {
      refuse(`Task "${message.task}" has not begun: what another process brought for it is not taken.`);
    } else if (message.type === 'fail') {
      failExternal(task, new Error(String(redact(message.error))), message.token);
      handled();
    } else if (message.type === 'release') {
      release(task, message.token, redact(message.reason) as string | undefined);
      handled();
    } else {
      const completion = complete(task, redact(outputOf(message.output)), message.token, handled);
      Promise.resolve(completion).catch(refuse);
    }
  } catch (error) {
    refuse(error);
  }
};

/** Returns undefined for a message that this version does not know; a newer version may have sent it. */
const parsed = (text: string): Message | undefined => {
  try {
    const message = JSON.parse(text) as Message;
    return ['cancel', 'complete', 'fail', 'release'].includes(message.type) ? message : undefined;
  } catch {
    return undefined;
  }
};

const outputOf = (text: string | undefined): unknown => (text === undefined ? undefined : decode(text));
