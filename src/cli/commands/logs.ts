import { setTimeout } from 'node:timers/promises';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import { emptyRecord, recordEvent } from '../../engine/model/job-record.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { liveLines } from '../live/lines.ts';
import { findJob } from '../stored/find-job.ts';
import { jobCommand, jobLabel } from '../stored/job-command.ts';
import type { ShapeTask } from '../stored/shape-tasks.ts';
import { shownState } from '../stored/shown-state.ts';
import {
  growthOf,
  readStoredJob,
  type StoredJob,
  storedEvents,
  taskNames,
  taskPaths,
  wholeEvent,
} from '../stored/stored-job.ts';
import { type JournalContext, withJournal } from '../stored/with-journal.ts';
import { EXIT, exitCodeOfSignal } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { JOB_NAMES } from './shared-help.ts';
import { action, type DefineCommand, noColour, withDbOption, withJobArgument } from './shared-options.ts';

/** Defines `tintype logs`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withJobArgument(withDbOption(command.addHelpText('after', HELP)))
      .argument('[task]', 'only this task, and what is within it')
      .option('--follow', 'go on until the job is over, or Ctrl-C')
      .option('--json', 'print every event, one JSON value a line'),
  ).action(action(context, (io, options, job, task) => showLogs(job, task, options, io)));

const HELP = `
Examples:
  tintype logs last
  tintype logs last load
  tintype logs last --follow
  tintype logs 3f2a --json > events.ndjson

${JOB_NAMES}
A task stands for all that is within it as well: outer/inner, name[3].
`;

export type LogsOptions = { readonly db: string; readonly follow?: boolean; readonly json?: boolean };

/** Prints the events of a job, or of one task and what is within it. Resolves to the exit code. */
export const showLogs = (name: string, task: string | undefined, options: LogsOptions, io: CliIo): Promise<number> =>
  withJournal(options.db, io, async (context) => {
    const { journal, out } = context;
    const job = await findJob(journal, name);
    const storedJob = await readStoredJob(journal, job);
    // Of a job that goes on, a task that is not known yet may still come.
    if (task !== undefined && !(options.follow && !isTerminalJobState(job.state)))
      checkTask(storedJob, task, options.db);
    const record = emptyRecord();
    const print = options.json
      ? (event: JobEvent) => out.line(JSON.stringify(event))
      : task === undefined
        ? liveLines([...taskPaths(storedJob), job.name], out, record, 'info', { includeJob: true })
        : liveLines(
            taskPaths(storedJob).filter((path) => isWithin(path, task)),
            out,
            record,
          );
    const isWanted = (event: JobEvent): boolean =>
      task === undefined ||
      (!options.json && event.type === 'job.transition') ||
      ('task' in event && isWithin(event.task, task));
    let isHeard = true;
    void out.broken.then(() => {
      isHeard = false;
    });
    const printRange = async (from: number, to: number): Promise<void> => {
      for await (const stored of storedEvents(journal, job.id, from, to)) {
        const event = wholeEvent(stored);
        if (!isHeard) return;
        recordEvent(record, event);
        if (isWanted(event)) print(event);
      }
    };
    await printRange(0, job.lastSeq);
    if (options.follow) return follow(job, printRange, options.db, context);
    return isHeard ? EXIT.completed : exitCodeOfSignal('SIGPIPE');
  });

/** How often a job is looked at that is followed, in ms. */
const POLL_MS = 250;

/** Tells what comes, until the job is over, or nobody wants to hear more. */
const follow = async (
  seen: JournalJob,
  printRange: (from: number, to: number) => Promise<void>,
  db: string,
  { journal, out, err, io }: JournalContext,
): Promise<number> => {
  const patience = new AbortController();
  let exitCode: number = EXIT.completed;
  const stop = (signal: NodeJS.Signals): void => {
    exitCode = exitCodeOfSignal(signal);
    patience.abort();
  };
  const stopListening = onInterrupts(io, [stop]);
  void out.broken.then(() => stop('SIGPIPE'));
  let job = seen;
  let isHinted = false;
  try {
    while (!isTerminalJobState(job.state) && !patience.signal.aborted) {
      if (!isHinted && shownState(job, Date.now()) === 'interrupted') {
        isHinted = true;
        out.flush();
        err.line(resumeHint([job], { db }, err));
      }
      await setTimeout(POLL_MS, undefined, { signal: patience.signal }).catch(() => {});
      const next = await journal.job(job.id);
      if (!next) {
        err.line(`${err.sanitize(jobLabel(job))} was removed.`);
        return EXIT.failed;
      }
      await printRange(job.lastSeq + 1, next.lastSeq);
      job = next;
    }
    return exitCode;
  } finally {
    stopListening();
  }
};

const isWithin = (path: string, task: string): boolean =>
  path === task || path.startsWith(`${task}/`) || path.startsWith(`${task}[`);

/** @throws UsageError */
const checkTask = (storedJob: StoredJob, task: string, db: string): void => {
  const known = new Set([
    ...taskNames(storedJob),
    ...storedJob.record.tasks.keys(),
    ...growthOf(storedJob.record).removed,
    ...pathsOf(storedJob.shape ?? []),
  ]);
  if (known.has(task)) return;
  throw new UsageError(
    `${jobLabel(storedJob.job)} has no task "${task}".${didYouMean(task, known)} ${jobCommand('show', storedJob.job.id, { db })} lists them.`,
  );
};

/** The paths of tasks and of those within them. */
const pathsOf = (tasks: readonly ShapeTask[], prefix = ''): readonly string[] =>
  tasks.flatMap(({ name, job }) => [prefix + name, ...pathsOf(job?.tasks ?? [], `${prefix}${name}/`)]);
