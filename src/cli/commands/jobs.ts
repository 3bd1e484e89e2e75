import { setImmediate } from 'node:timers/promises';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { JobState } from '../../events/event.ts';
import { UNFINISHED_STATES } from '../../events/states.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { hasParams, pairsText, storedParams } from '../stored/job-params.ts';
import type { JobSource } from '../stored/job-source.ts';
import { jobDuration, jobFacts, SHOWN_STATES, type ShownState, shownState } from '../stored/shown-state.ts';
import { completedOf, readOutline, type StoredJob, taskCounts } from '../stored/stored-job.ts';
import { type JournalContext, journalErrorLine } from '../stored/with-journal.ts';
import { writeAll } from '../stored/write-all.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { formatDate, formatDuration } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { shortId } from '../terminal/short-id.ts';
import { paintState } from '../terminal/state-style.ts';
import { type Column, textTable } from '../terminal/text-table.ts';
import {
  actionAnywhere,
  type DefineCommand,
  duration,
  INTERRUPTED,
  noColour,
  type Pair,
  pairsOf,
  statesOf,
  wholeNumber,
  withDbOption,
} from './shared-options.ts';
import { type JobPlace, withJobs } from './with-jobs.ts';

type JobsContext = JournalContext<JobSource>;

/** Defines `tintype jobs`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withDbOption(command, HELP)
      .option('--state <states>', 'only jobs in these states, with commas between', statesOf(SHOWN_STATES))
      .option('--name <name>', 'only jobs of this name')
      .option('--param <name=value>', 'only jobs with this param; may be given several times', pairsOf)
      .option('--label <key=value>', 'only jobs with this label; may be given several times', pairsOf)
      .option('--since <duration>', 'only jobs that were created no longer ago, such as 7d', duration)
      .option('--before <duration>', 'only jobs that were created longer ago, such as 2h', duration)
      .option('--limit <count>', 'at most so many (default: 50, with --json all)', wholeNumber)
      .option('--json', 'print one JSON array'),
  ).action(
    actionAnywhere(context, (io, options) => listJobs(options, io), {
      options: ['state', 'name', 'param', 'label', 'since', 'before', 'limit', 'json'],
      work: (server, io, options) => listJobs({ ...options, server }, io),
    }),
  );

const HELP = `
Examples:
  tintype jobs
  tintype jobs --state failed,interrupted --since 7d
  tintype jobs --name nightly --limit 1 --json
  tintype jobs --param day=2026-11-30 --label team=data

${INTERRUPTED} TASKS counts those that completed.
`;

export type ListOptions = JobPlace & {
  readonly state?: readonly ShownState[];
  readonly name?: string;
  /** Params and labels that a job must have, all of them. */
  readonly param?: readonly Pair[];
  readonly label?: readonly Pair[];
  /** Only jobs created at most this long ago, in ms. */
  readonly since?: number;
  /** Only jobs created at least this long ago, in ms. */
  readonly before?: number;
  readonly limit?: number;
  readonly json?: boolean;
};

/** Lists the jobs of a database or a server, the newest first. Resolves to the exit code. */
export const listJobs = (options: ListOptions, io: CliIo): Promise<number> =>
  withJobs(options, io, async (context) => {
    const now = Date.now();
    const limit = options.limit ?? (options.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
    let damaged = 0;
    const report = (error: JournalError): void => {
      damaged++;
      context.err.line(journalErrorLine(error, context.err));
    };
    const found = foundJobs(context, options, now, report);
    const exitCode = await (options.json
      ? writeAll(jsonOf(found, limit, context, now, report), context, 'The list')
      : printTable(found, { ...options, limit }, context, now, { report, isAnyDamaged: () => damaged > 0 }));
    return exitCode === EXIT.completed && damaged > 0 ? EXIT.usage : exitCode;
  });

const DEFAULT_LIMIT = 50;

/** The number of jobs that are read at once. */
const PAGE = 200;

type Report = (error: JournalError) => void;

/** Yields the jobs to list, read in pages. The journal can't tell which are `interrupted`, or have a param. */
async function* foundJobs(
  { journal }: JobsContext,
  { state, name, param = [], label = [], since, before }: ListOptions,
  now: number,
  report: Report,
): AsyncGenerator<JournalJob> {
  const filter = {
    states: state && journalStates(state),
    names: name === undefined ? undefined : [name],
    labels: Object.fromEntries(label),
    since: since === undefined ? undefined : now - since,
    before: before === undefined ? undefined : now - before,
    limit: PAGE,
  };
  // Two values of one key: no job has both.
  if (new Set(label.map(([key]) => key)).size < new Set(label.map((pair) => pair.join('='))).size) return;
  for (let cursor: string | undefined; ; ) {
    const page = await journal.jobs({ ...filter, cursor }, ({ error }) => report(error));
    for (const job of page) if ((state?.includes(shownState(job)) ?? true) && hasParams(job, param)) yield job;
    if (page.length < PAGE) return;
    cursor = page.at(-1)?.cursor;
    // Lets signals and broken pipes be handled between pages.
    await setImmediate();
  }
}

const journalStates = (shown: readonly ShownState[]): readonly JobState[] => {
  const states = shown.filter((one): one is JobState => one !== 'interrupted');
  return shown.includes('interrupted') ? [...states, ...UNFINISHED_STATES] : states;
};

/** Yields the jobs as one JSON array, piece by piece. */
async function* jsonOf(
  found: AsyncIterable<JournalJob>,
  limit: number,
  context: JobsContext,
  now: number,
  report: Report,
): AsyncGenerator<string> {
  let count = 0;
  yield '[';
  for await (const [job, stored] of rowsOf(found, context, report)) {
    const facts = { ...jobFacts(job, now), params: storedParams(job), tasks: stored && taskCounts(stored) };
    yield `${count === 0 ? '' : ','}\n${inertJson(JSON.stringify(facts))}`;
    count++;
    if (count >= limit) break;
  }
  yield count === 0 ? ']\n' : '\n]\n';
}

const printTable = async (
  found: AsyncIterable<JournalJob>,
  { db, server, limit }: ListOptions & { readonly limit: number },
  context: JobsContext,
  now: number,
  { report, isAnyDamaged }: { readonly report: Report; readonly isAnyDamaged: () => boolean },
): Promise<number> => {
  const { out } = context;
  const rows: Row[] = [];
  const jobs: JournalJob[] = [];
  for await (const job of found) if (jobs.push(job) > limit) break;
  const isMore = jobs.length > limit;
  for await (const row of rowsOf(jobs.slice(0, limit), context, report)) rows.push(row);
  if (rows.length === 0) {
    out.line(isAnyDamaged() ? 'There is no other such job.' : 'There is no such job.');
    return EXIT.completed;
  }
  for (const line of table(rows, out, now)) out.line(line);
  if (isMore) out.line(`… and more: --limit ${2 * limit} shows them`);
  const interrupted = rows.map(([job]) => job).filter((job) => shownState(job) === 'interrupted');
  if (interrupted.length > 0) out.line(resumeHint(interrupted, { db, server }, out));
  return EXIT.completed;
};

type Row = readonly [job: JournalJob, stored: StoredJob | undefined];

/** Reads jobs one by one, or some at once where each takes a request. */
async function* rowsOf(
  jobs: Iterable<JournalJob> | AsyncIterable<JournalJob>,
  context: JobsContext,
  report: Report,
): AsyncGenerator<Row> {
  const atOnce = context.journal.outline ? REQUESTS_AT_ONCE : 1;
  let waiting: JournalJob[] = [];
  const read = (): Promise<readonly Row[]> => Promise.all(waiting.map((job) => readJob(context, job, report)));
  for await (const job of jobs) {
    if (waiting.push(job) < atOnce) continue;
    yield* await read();
    waiting = [];
  }
  yield* await read();
}

const REQUESTS_AT_ONCE = 8;

/** Reads the events of a job. A job that can't be read is reported; the list still contains it. */
const readJob = async ({ journal }: JobsContext, job: JournalJob, report: Report): Promise<Row> => {
  try {
    const stored = await readOutline(journal, job);
    return [stored.job, stored];
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    report(error);
    return [job, undefined];
  }
};

const table = (rows: readonly Row[], out: Printer, now: number): readonly string[] => {
  const ids = rows.map(([{ id }]) => id);
  const cells = rows.map(([job, stored]) => {
    const counts = stored && completedOf(stored);
    const duration = jobDuration(job, now);
    return [
      out.sanitize(shortId(job.id, ids)),
      out.sanitize(job.name),
      shownState(job),
      formatDate(job.startedAt ?? job.createdAt),
      duration === undefined ? '' : formatDuration(duration),
      counts ? `${counts.completed}/${counts.total}` : '?',
      out.sanitize(pairsText(storedParams(job))),
      out.sanitize(pairsText(job.labels)),
    ];
  });
  const columns: readonly Column[] = [
    { title: 'JOB', cut: 'middle' },
    { title: 'NAME', cut: 'middle' },
    { title: 'STATE', paint: paintState(out) },
    { title: 'STARTED' },
    { title: 'DURATION', right: true },
    { title: 'TASKS', right: true },
    { title: 'PARAMS', cut: 'end' },
    { title: 'LABELS', cut: 'end' },
  ];
  // Columns that would be empty are left out.
  const isShown = columns.map(({ title }, at) => !OPTIONAL.has(title) || cells.some((row) => row[at] !== ''));
  const shown = <Item>(items: readonly Item[]): readonly Item[] => items.filter((_, at) => isShown[at]);
  return textTable(shown(columns), cells.map(shown), out);
};

const OPTIONAL: ReadonlySet<string> = new Set(['PARAMS', 'LABELS']);
