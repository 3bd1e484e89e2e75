import type { ChangePolicy } from '../definition/definition-diff.ts';
import type { StartOptions } from '../definition/options.ts';
import type { Plan } from '../definition/plan.ts';
import { PLAN, type Sealed } from '../definition/sealed.ts';
import type { AnyTaskSpec } from '../definition/task-spec.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { Journal, JournalJob } from '../durable/journal.ts';
import { CommandError } from '../errors/errors.ts';
import type { JobRun } from '../model/run.ts';
import { addedTasks } from '../run/dynamic-tasks.ts';
import { createRun, type Home } from './create-run.ts';
import { hasEnded, keptJob, unknownDefinition } from './kept-job.ts';
import { optionsOf } from './kept-options.ts';
import { readPast } from './past.ts';
import { readBack } from './read-back.ts';
import { recorderOf } from './record-job.ts';
import { restoreEnded, resume } from './take-over.ts';

/** What an engine needs to create runs of stored jobs. */
export type Workshop = {
  readonly home: Home;
  readonly definitions: readonly Sealed[];
};

/** The options for taking up one stored job. */
export type Order = {
  readonly definition: Sealed | undefined;
  readonly changed: ChangePolicy | undefined;
  readonly added: readonly AnyTaskSpec[] | undefined;
  readonly options: StartOptions;
};

/** Resumes a job whose process died, or reads the end of one that is over. @throws JournalError @throws CommandError */
export const resumedRun = async (
  workshop: Workshop,
  journal: Journal,
  jobId: string,
  order: Order,
): Promise<JobRun> => {
  const kept = await keptJob(journal, jobId);
  workshop.home.requireOpen?.(`The resumption of job "${jobId}"`);
  const run = runOf(workshop, journal, kept, order);
  // Nothing is written for a job that is over, so its recorder is not registered.
  const recorder = hasEnded(kept) ? (run.recorder as JobRecorder) : recorderOf(run);
  try {
    const added = addedTasks(run.plan.name, order.added ?? []);
    if (hasEnded(kept)) await readBack(run, recorder, journal, kept);
    else await resume(run, recorder, journal, { changed: order.changed, added });
  } catch (error) {
    recorder.discard();
    throw error;
  }
  return run;
};

/** Restores a stored job that is over, in order to retry it. @throws JournalError @throws CommandError */
export const endedRun = async (workshop: Workshop, journal: Journal, jobId: string, order: Order): Promise<JobRun> => {
  const kept = await keptJob(journal, jobId);
  const run = runOf(workshop, journal, kept, order);
  if (!hasEnded(kept)) {
    const message = `Job "${kept.name}" ("${jobId}") is ${kept.state}: only a job that is over can be tried again. Resume it.`;
    throw new CommandError('INVALID_STATE', message);
  }
  const added = addedTasks(run.plan.name, order.added ?? []);
  await restoreEnded(run, journal, await readPast(journal, kept), { changed: order.changed, added });
  return run;
};

/** Creates a fresh run for a stored job. @throws JournalError */
const runOf = (
  { home, definitions }: Workshop,
  journal: Journal,
  kept: JournalJob,
  { definition, options }: Order,
): JobRun => {
  const found = definition ?? definitions.find(({ name }) => name === kept.name);
  if (!found || found.name !== kept.name) throw unknownDefinition(kept, found);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return createRun(found[PLAN] as Plan, {}, { ...optionsOf(kept.options), ...given, jobId: kept.id, journal }, home);
};
