import type { Reactor } from '../events/event-stream.ts';
import type { JobRun, Subject } from './job-run.ts';
import { answerOutputs } from './reactions/answer-outputs.ts';
import { deadline } from './reactions/deadline.ts';
import { failure } from './reactions/failure.ts';
import { hold } from './reactions/hold.ts';
import { jobTimeout } from './reactions/job-timeout.ts';
import { parentSignal } from './reactions/parent-signal.ts';
import { perform } from './reactions/perform.ts';
import type { Reaction } from './reactions/reaction.ts';
import { runReady } from './reactions/run-ready.ts';
import { schedule } from './reactions/schedule.ts';
import { settle } from './reactions/settle.ts';
import { timeout } from './reactions/timeout.ts';
import { wait } from './reactions/wait.ts';
import type { TaskRun } from './task-run.ts';

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

/** All reactions as the reactor of a stream: of a job's, and of all that is nested in it. */
export const reactor: Reactor<Subject> = (event, subject) => {
  if (!subject) return;
  if (event.type === 'task.transition') {
    const task = subject as TaskRun;
    for (const onTask of ON_TASK) onTask(task.job, task, event);
  } else if (event.type === 'job.transition') {
    for (const onJob of ON_JOB) onJob(subject as JobRun, event);
  }
};
