import type { DamagedJob, JournalJob } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { JobState } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { jobDuration, jobFacts, SHOWN_STATES, type ShownState, shownState } from '../stored/shown-state.ts';
import { completedOf, readStoredJob, type StoredJob, taskCounts } from '../stored/stored-job.ts';
import { type JournalContext, journalErrorLine, withJournal } from '../stored/with-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { formatDate, formatDuration } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { shortId } from '../terminal/short-id.ts';
import { paintState } from '../terminal/state-style.ts';
import { textTable } from '../terminal/text-table.ts';
import {
  action,
  type DefineCommand,
  duration,
  INTERRUPTED,
  noColour,
  statesOf,
  wholeNumber,
  withDbOption,
} from './shared-options.ts';

/** Defines `tintype jobs`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withDbOption(command, HELP)
      .option('--state <states>', 'only jobs in these states, with commas between', statesOf(SHOWN_STATES))
      .option('--name <name>', 'only jobs of this name')
      .option('--since <duration>', 'only jobs that were created no longer ago, such as 7d', duration)
      .option('--before <duration>', 'only jobs that were created longer ago, such as 2h', duration)
      .option('--limit <count>', 'at most so many (default: 50, with --json all)', wholeNumber)
      .option('--json', 'print one JSON array'),
  ).action(action(context, (io, options) => listJobs(options, io)));

const HELP = `
Examples:
  tintype jobs
  tintype jobs --state failed,interrupted --since 7d
  tintype jobs --name nightly --limit 1 --json

${INTERRUPTED} TASKS counts those that completed.
`;

export type ListOptions = {
  readonly db: string;
  readonly state?: readonly ShownState[];
  readonly name?: string;
  /** Only jobs created at most this long ago, in ms. */
  readonly since?: number;
  /** Only jobs created at least this long ago, in ms. */
  readonly before?: number;
  readonly limit?: number;
  readonly json?: boolean;
};

/** Lists the jobs of a journal, the newest first. Resolves to the exit code. */
export const listJobs = (options: ListOptions, io: CliIo): Promise<number> =>
  withJournal(
    options.db,
    io,
    async (context) => {
      const { out } = context;
      const now = Date.now();
      const limit = options.limit ?? (options.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
      let damaged = 0;
      const report = ({ error }: DamagedJob): void => {
        damaged++;
        context.err.line(journalErrorLine(error, context.err));
      };
      const found = await jobsOf(context, options, limit + 1, { now, report });
      const rows = await readJobs(context, found.slice(0, limit));
      if (options.json) {
        const jobs = rows.map(([job, stored]) => ({ ...jobFacts(job, now), tasks: stored && taskCounts(stored) }));
        out.line(inertJson(JSON.stringify(jobs)));
      } else if (rows.length === 0) out.line(damaged === 0 ? 'There is no such job.' : 'There is no other such job.');
      else {
        for (const line of table(rows, out, now)) out.line(line);
        if (found.length > limit) out.line(`… and more: --limit ${2 * limit} shows them`);
        const interrupted = rows.map(([job]) => job).filter((job) => shownState(job, now) === 'interrupted');
        if (interrupted.length > 0) out.line(resumeHint(interrupted, { db: options.db }, out));
      }
      return damaged > 0 || rows.some(([, stored]) => stored === undefined) ? EXIT.usage : EXIT.completed;
    },
    { reads: true },
  );

const DEFAULT_LIMIT = 50;

/** Finds the jobs to list. The journal can't tell which jobs are `interrupted`, so it can't always apply the limit. */
const jobsOf = async (
  { journal }: JournalContext,
  { state, name, since, before }: ListOptions,
  limit: number,
  { now, report }: { readonly now: number; readonly report: (damaged: DamagedJob) => void },
): Promise<readonly JournalJob[]> => {
  const filter = {
    names: name === undefined ? undefined : [name],
    since: since === undefined ? undefined : now - since,
    before: before === undefined ? undefined : now - before,
  };
  if (state === undefined) return journal.jobs({ ...filter, limit }, report);
  const states = state.filter((one): one is JobState => one !== 'interrupted');
  if (state.includes('interrupted')) states.push('idle', 'running', 'paused');
  const limited = states.every(isTerminalJobState) ? { limit } : {};
  const jobs = await journal.jobs({ ...filter, states, ...limited }, report);
  return jobs.filter((job) => state.includes(shownState(job, now))).slice(0, limit);
};

type Row = readonly [job: JournalJob, stored: StoredJob | undefined];

/** Reads the events of each job. A job that can't be read is reported; the list still contains it. */
const readJobs = async ({ journal, err }: JournalContext, jobs: readonly JournalJob[]): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const job of jobs) {
    try {
      const stored = await readStoredJob(journal, job);
      rows.push([stored.job, stored]);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      err.line(journalErrorLine(error, err));
      rows.push([job, undefined]);
    }
  }
  return rows;
};

const table = (rows: readonly Row[], out: Printer, now: number): readonly string[] => {
  const ids = rows.map(([{ id }]) => id);
  const cells = rows.map(([job, stored]) => {
    const counts = stored && completedOf(stored);
    const duration = jobDuration(job, now);
    return [
      out.sanitize(shortId(job.id, ids)),
      out.sanitize(job.name),
      shownState(job, now),
      formatDate(job.startedAt ?? job.createdAt),
      duration === undefined ? '' : formatDuration(duration),
      counts ? `${counts.completed}/${counts.total}` : '?',
    ];
  });
  return textTable(
    [
      { title: 'JOB', cut: 'middle' },
      { title: 'NAME', cut: 'middle' },
      { title: 'STATE', paint: paintState(out) },
      { title: 'STARTED' },
      { title: 'DURATION', right: true },
      { title: 'TASKS', right: true },
    ],
    cells,
    out,
  );
};
