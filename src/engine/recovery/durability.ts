import type { StartOptions } from '../definition/options.ts';
import type { Plan } from '../definition/plan.ts';
import type { Journal } from '../durable/journal.ts';
import { OptionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';
import type { JobRun, RunEnvironment } from '../model/run.ts';

/**
 * The durability port: what a job asks of the code that keeps jobs in a journal. A job without a journal asks nothing, so
 * that a program without one has none of this code in its bundle. `durable.ts` implements the port; engines have it, and
 * journals carry it.
 */
export type Durability = {
  /** Returns what a new run needs to keep its events and logs. */
  readonly keepers: (jobId: string, journal: Journal) => Pick<RunEnvironment, 'recorder' | 'keepLogs'>;
  /** Connects a run to its recorder. */
  readonly connect: (job: JobRun) => void;
  /**
   * Looks for the job that has a key. `handleOf` returns the handle of a job of the engine. Without a journal, only
   * such a job can be found. @throws SerialisationError if the journal can't keep the input
   */
  readonly findByKey: (plan: Plan, start: KeyedStart, handleOf: HandleOf | undefined) => FoundHere | NotHere;
  /** Adds a new job to the journal, then calls `begin`. @throws JournalError, SerialisationError */
  readonly create: (job: JobRun, journal: Journal, input: object, isNew: boolean, begin: () => void) => void;
  /** Adds a new job that reuses results of another job, and starts it soon. @throws JournalError, SerialisationError */
  readonly createFork: (job: JobRun, journal: Journal, input: object, forkedFrom: string) => void;
  /** Starts a new run of a job that is over soon, once the journal has granted its lease again. @throws JournalError */
  readonly reopen: (job: JobRun, journal: Journal, earlier: JobRun) => void;
};

export type KeyedStart = {
  readonly jobKey: string;
  readonly input: object;
  readonly journal: Journal | undefined;
};

export type HandleOf = (jobId: string) => object | undefined;

/** The handle of a job with the same key that runs in this process. */
export type FoundHere = {
  readonly existing: object;
  /** @throws JournalError `JOB_KEY_CONFLICT` if the run of the handle was started with another input */
  readonly requireSameInput: (run: JobRun) => void;
};

/** The id of a key, what is kept of the input, and the options with which the journal knows that the job was started. */
export type NotHere = {
  readonly existing?: undefined;
  readonly jobId: string;
  readonly keptInput: string | undefined;
  readonly options: StartOptions;
};

/** Key under which a journal carries the durability port. */
export const DURABILITY: unique symbol = Symbol('durability');

/**
 * Returns the durability port of an engine or, without an engine, of a journal; undefined if there is neither.
 * @throws OptionError if the journal does not carry it
 */
export const durabilityOf = (
  plan: Plan,
  journal: (Journal & { readonly [DURABILITY]?: Durability }) | undefined,
  host: { readonly durability?: Durability },
): Durability | undefined => {
  const found = host.durability ?? journal?.[DURABILITY];
  if (found || !journal) return found;
  const message =
    'Its journal is not durable, and no engine runs it: hand over durable(journal), which tintype exports, or start it with createEngine({ journal }).start.';
  throw new OptionError(`The start of job "${plan.name}"`, [optionProblem('journal', message)]);
};
