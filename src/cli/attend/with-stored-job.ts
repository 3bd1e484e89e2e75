import type { ChangePolicy } from '../../engine/definition/definition-diff.ts';
import type { StartOptions } from '../../engine/definition/options.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { createEngine, type Engine } from '../../engine/engine.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import { MASKED } from '../../executors/mask/mask.ts';
import type { SqliteJournal } from '../../journal/sqlite-journal.ts';
import { logLimitsOf } from '../../workflow/to-definition.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { findJob } from '../stored/find-job.ts';
import { type JobLocation, jobLabel, runningText } from '../stored/job-command.ts';
import { openJournal, withOutputLimit } from '../stored/journal-file.ts';
import { counted } from '../terminal/counted.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { changePolicy } from './change-policy.ts';
import type { EventFile } from './event-file.ts';
import { leaveJob } from './leaving.ts';
import { type RunOptions, repeatableArgs } from './repeatable-options.ts';
import { resumeCommand } from './resume-hint.ts';
import { type RunContext, withRunContext } from './run-context.ts';
import { loadStoredWorkflow, metadataOf, requireTrust } from './stored-workflow.ts';
import { openEvents, SPARE_MS, type WatchedJob, type WatchOptions } from './watch-job.ts';

/** Options to resume or retry a stored job. What is left out of those of a run stays as it was. */
export type ContinueOptions = Omit<WatchOptions, 'workers'> &
  Partial<Pick<RunOptions, 'workers' | 'timeout' | 'onFailure' | 'grace' | 'keepLogs'>> & {
    readonly db: string;
    /** The new path of the workflow file, if it has moved. */
    readonly file?: string;
    /** What to do if the workflow has changed since the job was started. Default `refuse`. */
    readonly changed?: ChangePolicy;
    /** Whether to use the files and hosts that an imported job names. */
    readonly trust?: boolean;
  };

/** Returns where the job is stored, with the options that a follow-up command must repeat. */
export const locationOf = ({ db, file, ...options }: ContinueOptions): JobLocation => ({
  db,
  file,
  args: [...repeatableArgs(options), ...(options.trust ? ['--trust'] : [])],
});

/** Returns how to leave a job that runs here, and the command that then resumes it. */
export const leavingOf = (
  { journal }: StoredJobContext,
  engine: Engine,
  job: Pick<JournalJob, 'id' | 'metadata'>,
  location: JobLocation,
): NonNullable<WatchedJob['leaving']> => ({
  leave: leaveJob(engine, journal, job.id),
  command: resumeCommand(job, location),
});

/** A stored job that a command has found, with its journal and printers. The workflow is not loaded yet. */
export type StoredJobContext = RunContext & { readonly journal: SqliteJournal; readonly stored: JournalJob };

/** Opens the journal, finds a stored job and runs `work` with it. Resolves to the exit code. */
export const withStoredJob = (
  name: string,
  options: { readonly db: string; readonly json?: boolean },
  io: CliIo,
  work: (context: StoredJobContext) => Promise<number>,
): Promise<number> =>
  withRunContext(options, io, async (context) => {
    const journal = openJournal(options.db, { create: false });
    try {
      const found = { ...context, journal, stored: await findJob(journal, name) };
      return await work(found).catch((error: unknown) => throwForUsers(error, found, options));
    } finally {
      await journal.close();
    }
  });

/** Throws a UsageError if another process holds the job, else rethrows the error. */
const throwForUsers = async (
  error: unknown,
  { stored, journal }: StoredJobContext,
  { db }: { readonly db: string },
): Promise<never> => {
  if (!(error instanceof JournalError && error.code === 'JOB_LEASED')) throw error;
  const job = (await journal.job(stored.id)) ?? stored;
  throw new UsageError(`${jobLabel(job)} can't go on here: ${runningText(job, { db })}`);
};

export type PreparedJob = {
  readonly engine: Engine;
  readonly loaded: LoadedWorkflow;
  readonly options: WatchOptions;
  readonly events: EventFile | undefined;
  readonly start: Pick<StartOptions, 'maxConcurrency' | 'timeout' | 'onFailure' | 'graceMs' | 'logs'> & {
    readonly changed: ChangePolicy;
  };
};

/** Checks a job's file; loads it unless `given`. @throws UsageError @throws WorkflowError @throws SelectionError */
export const prepareJob = async (
  context: StoredJobContext,
  options: ContinueOptions,
  given?: LoadedWorkflow,
): Promise<PreparedJob> => {
  const { stored, journal } = context;
  const before = metadataOf(stored);
  const workers = options.workers ?? before.workers ?? 4;
  const grace = options.grace ?? before.grace ?? 2000;
  const { db, timeout, onFailure, keepLogs } = options;
  const file = options.file ?? before.file;
  if (!given) requireTrust(stored, options.trust, { db, file });
  const loaded = given ?? (await loadStoredWorkflow(stored, { file, grace }, context));
  const changed = await changePolicy(context, loaded.definition, options.changed);
  const redacted = redactedParams(stored);
  if (redacted.length > 0 && !options.quiet) context.err.line(context.err.sanitize(redactedLine(redacted)));
  const { tracing } = context;
  const engine = createEngine({
    journal: withOutputLimit(journal, loaded.workflow.max_output_bytes),
    definitions: [loaded.definition],
    intercept: tracing?.intercept,
  });
  if (tracing) engine.events$.subscribe(tracing);
  return {
    engine,
    loaded,
    options: { ...options, workers },
    events: openEvents(options, { file, db }),
    start: {
      maxConcurrency: options.workers,
      graceMs: options.grace === undefined ? undefined : grace + SPARE_MS,
      timeout,
      onFailure,
      logs: logLimitsOf(keepLogs),
      changed,
    },
  };
};

/** Returns the params that were given with a secret in them, which is not kept. */
const redactedParams = ({ input }: JournalJob): readonly string[] =>
  Object.entries((JSON.parse(input) as { readonly params?: object }).params ?? {})
    .filter(([, value]) => JSON.stringify(value).includes(MASKED))
    .map(([name]) => name);

const redactedLine = (params: readonly string[]): string =>
  `warning: A secret that was given in ${counted(params.length, 'param')} (${params.join(', ')}) was not kept: ${MASKED} stands in its place. Read it as a secret, or run the file anew.`;
