import type { ChangePolicy } from '../../engine/definition/definition-diff.ts';
import type { FailurePolicy, StartOptions } from '../../engine/definition/options.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { findJob } from '../kept/find-job.ts';
import { runningText } from '../kept/holder-text.ts';
import { jobLabel, type Kept } from '../kept/job-command.ts';
import { openJournal } from '../kept/journal-file.ts';
import type { CliIo } from '../terminal/io.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { type AttendOptions, openEvents, SPARE_MS } from './attend-job.ts';
import { changePolicy } from './change-policy.ts';
import type { EventFile } from './event-file.ts';
import { loadKept, metadataOf } from './kept-workflow.ts';
import { atRunDesk, type RunDesk } from './run-desk.ts';
import { toldOptions } from './told-options.ts';

/** Options for resuming or retrying a stored job. Those left out keep the values that the job was started with. */
export type TakeUpOptions = Omit<AttendOptions, 'workers'> & {
  readonly db: string;
  /** The path of the workflow file now, if it has moved. */
  readonly file?: string;
  /** What to do if the workflow has changed since the job was started. Default `refuse`. */
  readonly changed?: ChangePolicy;
  readonly workers?: number;
  /** In ms. */
  readonly timeout?: number;
  readonly onFailure?: FailurePolicy;
  /** How long a process may take to exit after SIGTERM, in ms. */
  readonly grace?: number;
};

/** Returns where the job is stored, with the options that a follow-up command must repeat. */
export const keptBy = ({ db, file, ...told }: TakeUpOptions): Kept => ({ db, file, told: toldOptions(told) });

/** What a command works with once the stored job is found; its workflow is not loaded yet. */
export type KeptDesk = RunDesk & { readonly journal: SqliteJournal; readonly kept: JournalJob };

/** Opens the journal, finds a stored job and runs `work` with it. Resolves to the exit code. */
export const atKeptJob = (
  name: string,
  options: { readonly db: string; readonly json?: boolean },
  io: CliIo,
  work: (desk: KeptDesk) => Promise<number>,
): Promise<number> =>
  atRunDesk(options, io, async (desk) => {
    const journal = openJournal(options.db, { create: false });
    try {
      const kept = await findJob(journal, name);
      try {
        return await work({ ...desk, journal, kept });
      } catch (error) {
        throw await forUsers(error, { ...desk, journal, kept }, options);
      }
    } finally {
      await journal.close();
    }
  });

/** Turns a job that another process holds into a UsageError; returns any other error unchanged. */
const forUsers = async (
  error: unknown,
  { kept, journal }: KeptDesk,
  { db }: { readonly db: string },
): Promise<unknown> => {
  if (!(error instanceof JournalError && error.code === 'JOB_LEASED')) return error;
  const job = (await journal.job(kept.id)) ?? kept;
  return new UsageError(`${jobLabel(job)} can't go on here: ${runningText(job, { db })}`);
};

export type TakenUp = {
  readonly engine: Engine;
  readonly loaded: LoadedWorkflow;
  readonly options: AttendOptions;
  readonly events: EventFile | undefined;
  readonly start: Pick<StartOptions, 'maxConcurrency' | 'timeout' | 'onFailure' | 'graceMs'> & {
    readonly changed?: ChangePolicy;
  };
};

/** Loads (unless `known`) and checks a job's file. @throws UsageError @throws WorkflowError @throws SelectionError */
export const takeUp = async (desk: KeptDesk, options: TakeUpOptions, known?: LoadedWorkflow): Promise<TakenUp> => {
  const { kept, journal } = desk;
  const before = metadataOf(kept);
  const workers = options.workers ?? before.workers ?? 4;
  const grace = options.grace ?? before.grace ?? 2000;
  const { db, timeout, onFailure } = options;
  const file = options.file ?? before.file;
  const loaded = known ?? (await loadKept(kept, { file, grace }, desk));
  const changed = await changePolicy(desk, loaded.definition, options.changed);
  return {
    engine: createEngine({ journal, definitions: [loaded.definition] }),
    loaded,
    options: { ...options, workers },
    events: openEvents(options, { file, db }),
    start: {
      ...(options.workers !== undefined && { maxConcurrency: workers }),
      ...(options.grace !== undefined && { graceMs: grace + SPARE_MS }),
      ...(timeout !== undefined && { timeout }),
      ...(onFailure !== undefined && { onFailure }),
      ...(changed !== undefined && { changed }),
    },
  };
};
