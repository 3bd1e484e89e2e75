import { errorData } from '../../events/error-data.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { systemClock } from '../../events/system-clock.ts';
import { underWayUntil } from '../../events/under-way.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob, StoredEvent } from '../durable/journal.ts';
import { RECEIVE_MS } from '../durable/journal-writer.ts';
import { eventOf } from '../durable/read-stored.ts';
import { decode, storedOutputs } from '../durable/serialise.ts';
import { instanceErrorData, reviveTaskError } from '../durable/task-error-data.ts';
import { isInnerPath, isInstancePath } from '../durable/task-path.ts';
import { JournalError } from '../errors/errors.ts';
import { emptyRecord, recordEvent } from '../model/job-record.ts';
import type { JobRun } from '../model/run.ts';
import type { Stop } from '../model/stopping.ts';
import { onAbort } from '../time/on-abort.ts';
import type { Message } from './messages.ts';
import { isLeasedElsewhere, readBack } from './read-back.ts';

/** A request to cancel a job. */
export type Cancellation = Pick<Stop, 'mode' | 'cause'>;

/**
 * Publishes the events of a job that another process runs. If that process dies, resumes the job here. Resolves when the
 * events so far have been published.
 */
export const followRemote = (
  run: JobRun,
  recorder: JobRecorder,
  journal: Journal,
  acquire: (storedJob: JournalJob) => Promise<void>,
  cancelled?: Cancellation,
): Promise<void> => {
  if (run.over || run.isLeaving) {
    recorder.discard();
    return Promise.resolve();
  }
  const cancel = (cause: unknown, mode: Stop['mode']): void => {
    underWayUntil(sendCancel(run, journal, { cause, mode }).catch((error) => recorder.fail(error)));
  };
  const record = emptyRecord();
  run.remote = { cancel, record };
  const forward = (event: JobEvent): void => {
    recordEvent(record, event);
    run.forward(event);
  };
  if (cancelled) cancel(cancelled.cause, cancelled.mode);
  linkSignal(run, cancel);
  let seq = 0;
  /** Outputs in nested jobs and fan-outs, and errors of instances, to which others refer, by the `seq` of their events. */
  const innerOutputs = new Map<number, unknown>();
  const outputs = storedOutputs({ journal, jobId: run.id }, (at) => innerOutputs.get(at));
  const wholeEvent = (stored: StoredEvent): JobEvent => {
    const event = eventOf(stored, run.id);
    const itemError = instanceErrorData(event);
    if (itemError) innerOutputs.set(stored.seq, reviveTaskError(itemError));
    if (stored.output === undefined) return event;
    const isItem = 'task' in event && isInstancePath(event.task);
    const output = decode(stored.output, isItem ? undefined : outputs);
    if ('task' in event && isInnerPath(event.task)) innerOutputs.set(stored.seq, output);
    return { ...event, output } as JobEvent;
  };
  let end: JobEvent | undefined;
  const poll = async (): Promise<void> => {
    // Read the job before its events, so that events written in between are published, too.
    const storedJob = await journal.job(run.id);
    const events = await journal.events(run.id, seq);
    if (run.over) return;
    for (const stored of events) {
      seq = stored.seq + 1;
      if (end) forward(end);
      const event = wholeEvent(stored);
      // Hold back a terminal event until the job is restored below. If more events follow it, the job was retried.
      end = event.type === 'job.transition' && isTerminalJobState(event.to) ? event : undefined;
      if (!end) forward(event);
    }
    if (!storedJob)
      throw new JournalError('JOB_NOT_FOUND', `The job "${run.id}" was removed from the journal.`, { jobId: run.id });
    if (isTerminalJobState(storedJob.state)) {
      await readBack(run, recorder, journal, storedJob);
      run.unlinkSignal?.();
    } else if (isLeasedElsewhere(storedJob, journal)) {
      systemClock.setTimer(next, RECEIVE_MS);
    } else {
      run.unlinkSignal?.();
      await acquire(storedJob);
    }
  };
  const next = (): Promise<void> => {
    const polled = poll().catch((error) => {
      run.remote = undefined;
      recorder.fail(error);
    });
    return underWayUntil(polled);
  };
  return next();
};

const linkSignal = (run: JobRun, cancel: (cause: unknown, mode: Stop['mode']) => void): void => {
  const { signal } = run.options;
  if (signal?.aborted) cancel(signal.reason, 'abort');
  else if (signal) run.unlinkSignal = onAbort(signal, (cause) => cancel(cause, 'abort'));
};

/** Sends a cancel request, through the journal, to the current or next process that runs the job. */
const sendCancel = async (run: JobRun, journal: Journal, { cause, mode }: Cancellation): Promise<void> => {
  const { redact = (value: unknown) => value } = run.plan.options;
  const reason = cause === undefined ? undefined : String(redact(errorData(cause).message));
  const message: Message = { type: 'cancel', reason, mode };
  await journal.send(run.id, JSON.stringify(message));
};
