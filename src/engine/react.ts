import type { JobRun } from './job-run.ts';
import { answerOutputs } from './reactions/answer-outputs.ts';
import { deadline } from './reactions/deadline.ts';
import { failure } from './reactions/failure.ts';
import { jobTimeout } from './reactions/job-timeout.ts';
import { parentSignal } from './reactions/parent-signal.ts';
import { perform } from './reactions/perform.ts';
import type { Reaction } from './reactions/reaction.ts';
import { retry } from './reactions/retry.ts';
import { runReady } from './reactions/run-ready.ts';
import { schedule } from './reactions/schedule.ts';
import { settle } from './reactions/settle.ts';
import { timeout } from './reactions/timeout.ts';

/**
 * Everything that answers the events of a job, in the order in which an event reaches them: what may stop the job before
 * what starts work, time limits before the work they limit, and the end last.
 */
const REACTIONS: readonly Reaction[] = [
  parentSignal,
  jobTimeout,
  failure,
  schedule,
  deadline,
  retry,
  timeout,
  perform,
  runReady,
  answerOutputs,
  settle,
];

/** Subscribes all reactions to a job's stream. */
export const react = (job: JobRun): void => {
  job.stream.react((event) => {
    if (event.type === 'task.transition') {
      const task = job.tasks[job.plan.graph.indexOf.get(event.task) as number];
      if (task) for (const reaction of REACTIONS) reaction.onTask?.(job, task, event);
    } else if (event.type === 'job.transition') {
      for (const reaction of REACTIONS) reaction.onJob?.(job, event);
    }
  });
};
