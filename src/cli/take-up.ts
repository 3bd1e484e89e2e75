import { type ChangePolicy, changeText, type DefinitionChange } from '../engine/durable/definition-diff.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { JournalError } from '../engine/errors.ts';
import type { JournalJob } from '../engine/journal.ts';
import type { FailurePolicy, StartOptions } from '../engine/options.ts';
import type { SqliteJournal } from '../journal/sqlite-journal.ts';
import type { LoadedWorkflow } from '../workflow/workflow.ts';
import { type AttendOptions, openEvents, SPARE_MS } from './attend-job.ts';
import type { EventFile } from './event-file.ts';
import { findJob } from './find-job.ts';
import type { CliIo } from './io.ts';
import { jobLabel } from './job-command.ts';
import { openJournal } from './journal-file.ts';
import { readKeptJob } from './kept-job.ts';
import { loadKept, metadataOf } from './kept-workflow.ts';
import { UsageError } from './params.ts';
import { atRunDesk, type RunDesk } from './run-desk.ts';

/** How a kept job is taken up. What is left out is as it was when the job was started. */
export type TakeUpOptions = Omit<AttendOptions, 'workers'> & {
  readonly db: string;
  /** Where the workflow file is now. */
  readonly file?: string;
  readonly changed?: ChangePolicy;
  readonly workers?: number;
  /** In ms. */
  readonly timeout?: number;
  readonly onFailure?: FailurePolicy;
  /** In ms. */
  readonly grace?: number;
};

/** A kept job, before its workflow is loaded. */
export type KeptDesk = RunDesk & { readonly journal: SqliteJournal; readonly kept: JournalJob };

/** Finds a kept job, and does something with it. Resolves to the exit code. */
export const atKeptJob = (
  name: string,
  options: { readonly db: string; readonly json?: boolean; readonly changed?: ChangePolicy },
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
        throw await tellingChanges(error, { ...desk, journal, kept }, options);
      }
    } finally {
      await journal.close();
    }
  });

/** That a definition has changed, as somebody at a command line understands it. */
const tellingChanges = async (
  error: unknown,
  { kept, journal }: KeptDesk,
  { changed = 'refuse' }: { readonly changed?: ChangePolicy },
): Promise<unknown> => {
  if (!(error instanceof JournalError) || error.code !== 'DEFINITION_CHANGED') return error;
  const title = `The workflow has changed since ${jobLabel(kept)} was started`;
  const told = (title: string, changes: readonly DefinitionChange[], way: string): UsageError =>
    new UsageError([title, ...changes.map((change) => `- ${changeText(change)}`), way].join('\n'));
  if (changed === 'refuse') return told(`${title}:`, error.changes, WAYS);
  const { record } = await readKeptJob(journal, kept);
  const hasBegun = (task: string): boolean => (record.tasks.get(task)?.state ?? 'unscheduled') !== 'unscheduled';
  const late = error.changes.filter(({ kind, task }) => kind !== 'added' && hasBegun(task));
  return told(`${title}, and --changed accept does not go on, since these have begun:`, late, FORCE);
};

const WAYS =
  '--changed accept goes on where no task that was removed or changed has begun, --changed force in any case.';
const FORCE = '--changed force goes on all the same.';

/** What goes on with a kept job. */
export type TakenUp = {
  readonly engine: Engine;
  readonly loaded: LoadedWorkflow;
  readonly options: AttendOptions;
  readonly events: EventFile | undefined;
  /** What the engine is told. */
  readonly start: Pick<StartOptions, 'maxConcurrency' | 'timeout' | 'onFailure' | 'graceMs'> & {
    readonly changed?: ChangePolicy;
  };
};

/** Loads the workflow of a kept job, unless it is handed over. @throws UsageError @throws WorkflowError @throws SelectionError */
export const takeUp = async (desk: KeptDesk, options: TakeUpOptions, known?: LoadedWorkflow): Promise<TakenUp> => {
  const { kept, journal } = desk;
  const before = metadataOf(kept);
  const workers = options.workers ?? before.workers ?? 4;
  const grace = options.grace ?? before.grace ?? 2000;
  const { db, changed, timeout, onFailure } = options;
  const file = options.file ?? before.file;
  const loaded = known ?? (await loadKept(kept, { file, grace }, desk));
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
