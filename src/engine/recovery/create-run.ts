import { logTo } from '../../events/log-to.ts';
import { newId } from '../../events/system-clock.ts';
import { throwIfInvalid } from '../definition/option-rules.ts';
import type { StartOptions } from '../definition/options.ts';
import type { Plan } from '../definition/plan.ts';
import type { JobRun, RunEnvironment } from '../model/run.ts';
import { deliveries$ } from '../reactions/react.ts';
import { interceptJob } from '../run/intercept.ts';
import { LiveRun } from '../run/job-run.ts';
import { beginJob } from '../run/pause.ts';
import { poolProblems } from '../run/pool-problems.ts';
import { stopJob } from '../run/shutdown.ts';
import { type Durability, durabilityOf, type FoundHere } from './durability.ts';

/** What a job gets from its engine: a shared dispatcher, the durability port, functions to call. Empty without an engine. */
export type JobHost = Pick<RunEnvironment, 'dispatcher'> & {
  readonly durability?: Durability;
  readonly register?: (handle: object, run: JobRun) => void;
  /** Returns the handle of a job that is not over. */
  readonly job?: (id: string) => object | undefined;
  /** @throws CommandError if the engine is closing or closed */
  readonly requireOpen?: (subject: string) => void;
};

/** A new job, or the handle of the existing job with its key. */
export type Started = { readonly run: JobRun } | FoundHere;

/** Creates a run that has not started, with its recorder, reactions and logger. @throws OptionError */
export const createRun = (plan: Plan, input: object, options: StartOptions, host: JobHost): JobRun => {
  const { journal } = options;
  const jobId = options.jobId ?? newId();
  const { dispatcher } = host;
  const durability = journal && durabilityOf(plan, journal, host);
  const run = new LiveRun(
    plan,
    input,
    { ...options, jobId },
    {
      ...(dispatcher && { dispatcher }),
      ...(journal && durability?.keepers(jobId, journal)),
      deliveries: deliveries$,
    },
  );
  if (plan.pooled) throwIfInvalid(`The start of job "${plan.name}"`, poolProblems(plan.tasks, run.limitScope));
  durability?.connect(run);
  if (run.options.logger) run.events$.subscribe(logTo(run.options.logger));
  return run;
};

export const begin = (run: JobRun, start: () => void = () => beginJob(run)): void => {
  if (!run.over) interceptJob(run);
  const { signal } = run.options;
  if (signal?.aborted) stopJob(run, { to: 'cancelled', mode: 'abort', cause: signal.reason });
  else if (!run.over) start();
};
