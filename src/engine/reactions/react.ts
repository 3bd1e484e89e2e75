/* Reactions send commands in response to transitions (`reaction.ts` is their type). `react.ts` calls them in this
 * order: `parent-signal.ts` and `job-timeout.ts` may stop the job, `failure.ts` stops it after a failure,
 * `schedule.ts` decides the downstream, `apply-pause.ts` pauses, `deadline.ts` limits a task, `wait.ts` waits between
 * attempts, `timeout.ts` limits an attempt, `perform.ts` performs it, `run-ready.ts` assigns slots,
 * `resolve-outputs.ts` notifies callers, `settle.ts` ends the job. */
import { Subject as RxSubject } from 'rxjs';
import type { Delivery } from '../../events/event-stream.ts';
import type { JobRun, Subject, TaskRun } from '../model/run.ts';
import { applyPause } from './apply-pause.ts';
import { deadline } from './deadline.ts';
import { failure } from './failure.ts';
import { jobTimeout } from './job-timeout.ts';
import { parentSignal } from './parent-signal.ts';
import { perform } from './perform.ts';
import type { Reaction } from './reaction.ts';
import { resolveOutputs } from './resolve-outputs.ts';
import { runReady } from './run-ready.ts';
import { schedule } from './schedule.ts';
import { settle } from './settle.ts';
import { timeout } from './timeout.ts';
import { wait } from './wait.ts';

/**
 * All reactions, in the order in which they receive an event. The first may stop the job. Later ones start work,
 * after the time limits of that work have begun. The last ends the job.
 */
const REACTIONS: readonly Reaction[] = [
  parentSignal,
  jobTimeout,
  failure,
  schedule,
  applyPause,
  deadline,
  wait,
  timeout,
  perform,
  runReady,
  resolveOutputs,
  settle,
];

const ON_TASK = REACTIONS.flatMap(({ onTask }) => onTask ?? []);

const ON_JOB = REACTIONS.flatMap(({ onJob }) => onJob ?? []);

/** Runs all reactions to an event of a job or of a job nested in it. */
const react = ({ event, subject }: Delivery<Subject>): void => {
  if (!subject) return;
  if (event.type === 'task.transition') {
    const task = subject as TaskRun;
    for (const onTask of ON_TASK) onTask(task.job, task, event);
  } else if (event.type === 'job.transition') {
    for (const onJob of ON_JOB) onJob(subject as JobRun, event);
  }
};

/** The deliveries of all jobs' streams. The reactions subscribe once: a subscription per job costs a microsecond. */
export const deliveries$ = new RxSubject<Delivery<Subject>>();
deliveries$.subscribe(react);
