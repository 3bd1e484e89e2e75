import type { Delivery } from '../../events/event-stream.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import type { Subject } from '../run/job-run.ts';
import { answerOutputs } from './answer-outputs.ts';
import { deadline } from './deadline.ts';
import { failure } from './failure.ts';
import { hold } from './hold.ts';
import { jobTimeout } from './job-timeout.ts';
import { parentSignal } from './parent-signal.ts';
import { perform } from './perform.ts';
import type { Reaction } from './reaction.ts';
import { runReady } from './run-ready.ts';
import { schedule } from './schedule.ts';
import { settle } from './settle.ts';
import { timeout } from './timeout.ts';
import { wait } from './wait.ts';

/**
 * Everything that answers the events of a job, in the order in which an event reaches them: what may stop the job before
 * what starts work, time limits before the work they limit, and the end last.
 */
const REACTIONS: readonly Reaction[] = [
  parentSignal,
  jobTimeout,
  failure,
  schedule,
  hold,
  deadline,
  wait,
  timeout,
  perform,
  runReady,
  answerOutputs,
  settle,
];

const ON_TASK = REACTIONS.flatMap(({ onTask }) => onTask ?? []);

const ON_JOB = REACTIONS.flatMap(({ onJob }) => onJob ?? []);

/** Runs all reactions to an event of a job or of a job nested in it. The subscriber of its stream. */
export const react = ({ event, subject }: Delivery<Subject>): void => {
  if (!subject) return;
  if (event.type === 'task.transition') {
    const task = subject as TaskRun;
    for (const onTask of ON_TASK) onTask(task.job, task, event);
  } else if (event.type === 'job.transition') {
    for (const onJob of ON_JOB) onJob(subject as JobRun, event);
  }
};
