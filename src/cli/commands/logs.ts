import { eventReader } from '../../engine/durable/event-reader.ts';
import type { JournalJob, StoredEvent } from '../../engine/durable/journal.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import { emptyRecord, recordEvent } from '../../engine/model/job-record.ts';
import { unfinishedLogs } from '../../engine/views/unfinished-logs.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { resumeHint } from '../attend/resume-hint.ts';
import { liveLines } from '../live/lines.ts';
import { findJob } from '../stored/find-job.ts';
import { jobCommand, jobLabel } from '../stored/job-command.ts';
import type { JobSource } from '../stored/job-source.ts';
import { tasksByPath } from '../stored/shape-tasks.ts';
import { shownState } from '../stored/shown-state.ts';
import { growthOf, readStoredJob, type StoredJob, storedEvents, taskNames, taskPaths } from '../stored/stored-job.ts';
import type { JournalContext } from '../stored/with-journal.ts';
import { EXIT, exitCodeOfSignal, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { pollJob } from './poll-job.ts';
import { actionAnywhere, type DefineCommand, JOB_NAMES, noColour, withJob } from './shared-options.ts';
import { type JobPlace, withJobs } from './with-jobs.ts';

/** Defines `tintype logs`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withJob(command, HELP)
      .argument('[task]', 'only this task, and what is within it')
      .option('--follow', 'go on until the job is over, or Ctrl-C')
      .option('--json', 'print every event, one JSON value a line'),
  ).action(
    actionAnywhere(context, (io, options, job, task) => showLogs(job, task, options, io), {
      options: ['follow', 'json'],
      work: (server, io, options, job, task) => showLogs(job, task, { ...options, server }, io),
    }),
  );

const HELP = `
Examples:
  tintype logs last
  tintype logs last load
  tintype logs last --follow
  tintype logs 3f2a --json > events.ndjson

${JOB_NAMES}
A task stands for all that is within it as well: outer/inner, name[3].
`;

export type LogsOptions = JobPlace & { readonly follow?: boolean; readonly json?: boolean };

/** Prints the events of a job, or of one task with everything inside it. Resolves to the exit code. */
export const showLogs = (name: string, task: string | undefined, options: LogsOptions, io: CliIo): Promise<number> =>
  withJobs(options, io, async (context) => {
    const { journal, out } = context;
    const job = await findJob(journal, name);
    const storedJob = await readStoredJob(journal, job);
    // A job that still runs may add the task later.
    if (task !== undefined && !(options.follow && !isTerminalJobState(job.state))) checkTask(storedJob, task, options);
    const record = emptyRecord();
    const paths = taskPaths(storedJob);
    const names = task === undefined ? [...paths, job.name] : paths.filter((path) => isWithin(path, task));
    const print = options.json
      ? (event: JobEvent) => out.line(inertJson(JSON.stringify(event)))
      : liveLines(names, out, record, 'info', { includeJob: task === undefined, isStored: true });
    const isWanted = (event: JobEvent): boolean =>
      task === undefined ||
      (!options.json && event.type === 'job.transition') ||
      ('task' in event && isWithin(event.task, task));
    const wholeEvent = eventReader({ journal, jobId: job.id });
    const show = (stored: StoredEvent): void => {
      const event = wholeEvent(stored);
      recordEvent(record, event);
      if (isWanted(event)) print(event);
    };
    let isHeard = true;
    void out.broken.then(() => {
      isHeard = false;
    });
    for await (const stored of storedEvents(journal, job.id, 0, job.lastSeq)) {
      if (!isHeard) return exitCodeOfSignal('SIGPIPE');
      show(stored);
    }
    if (options.follow) return follow(job, show, options, context);
    // What is not over has not told of its last lines yet; with `--json` there are but events.
    const unfinished = options.json ? [] : await (journal.unfinishedLogs?.(job) ?? unfinishedLogs(journal, job));
    for (const event of unfinished) if (isWanted(event)) print(event);
    return isHeard ? EXIT.completed : exitCodeOfSignal('SIGPIPE');
  });

/** Shows new events until the job has ended. Resolves to the exit code. */
const follow = (
  stored: JournalJob,
  show: (event: StoredEvent) => void,
  place: JobPlace,
  context: JournalContext<JobSource>,
): Promise<number> => {
  const { out, err } = context;
  let isHinted = false;
  return pollJob({ ...context, stored }, (job, events) => {
    for (const event of events) show(event);
    if (isTerminalJobState(job.state)) return EXIT.completed;
    if (!isHinted && shownState(job) === 'interrupted') {
      isHinted = true;
      out.flush();
      err.line(resumeHint([job], place, err));
    }
    return undefined;
  });
};

const isWithin = (path: string, task: string): boolean =>
  path === task || path.startsWith(`${task}/`) || path.startsWith(`${task}[`);

/** @throws UsageError if the job has no such task */
const checkTask = (storedJob: StoredJob, task: string, place: JobPlace): void => {
  const known = new Set([
    ...taskNames(storedJob),
    ...storedJob.record.tasks.keys(),
    ...growthOf(storedJob.record).removed,
    ...tasksByPath(storedJob.shape ?? []).keys(),
  ]);
  if (known.has(task)) return;
  throw new UsageError(
    `${jobLabel(storedJob.job)} has no task "${task}".${didYouMean(task, known)} ${jobCommand('show', storedJob.job.id, place)} lists them.`,
  );
};
