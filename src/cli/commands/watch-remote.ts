import type { JobInfo } from '../../client/client.ts';
import { ServiceError } from '../../client/service-error.ts';
import type { FailurePolicy } from '../../engine/definition/options.ts';
import { eventReader } from '../../engine/durable/event-reader.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { jobProgress } from '../attend/job-progress.ts';
import { createReporter, type Reporter } from '../attend/reporter.ts';
import { totals } from '../attend/summary.ts';
import { openEvents, type WatchOptions } from '../attend/watch-job.ts';
import { type ServiceContext, serviceErrorText } from '../remote/with-service.ts';
import { type JobLocation, jobCommand, jobLabel } from '../stored/job-command.ts';
import { placeholderDefinition } from '../stored/shape-definition.ts';
import { shapeTasks } from '../stored/shape-tasks.ts';
import type { StoredJob } from '../stored/stored-job.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal } from '../terminal/exit-code.ts';
import { printTogether } from '../terminal/json-messages.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { pollJob } from './poll-job.ts';
import { errorLines, storedJobJson, taskTable } from './show.ts';

/** Options of a command that watches a job of a server. */
export type WatchRemoteOptions = Omit<WatchOptions, 'workers'> & {
  readonly workers?: number | undefined;
  readonly timeout?: number | undefined;
  readonly onFailure?: FailurePolicy | undefined;
};

/** Where a job of a server is, for commands that are suggested. */
export const placeOn = ({ server }: Pick<ServiceContext, 'server'>): JobLocation => ({ db: DEFAULT_JOURNAL, server });

/**
 * Displays a job that a server runs, to its end. A signal leaves the job alone, unless the options say that it cancels.
 * `history`: what happened before, which is not displayed. Resolves to the exit code, that of `tintype run`.
 */
export const watchRemote = async (
  { id }: Pick<JobInfo, 'id'>,
  options: WatchRemoteOptions,
  context: ServiceContext,
  history?: StoredJob,
): Promise<number> => {
  const { journal, out, err, gate, io } = context;
  const job = (await journal.job(id)) as JournalJob;
  const shape = shapeTasks(await journal.shape('', id)) ?? [];
  const definition = placeholderDefinition(job.name, shape);
  const progress = jobProgress(
    definition.tasks.map(({ name }) => name),
    history,
  );
  const events = openEvents(options, { file: undefined, db: undefined });
  const reporter = createReporter(definition, {
    ...options,
    workers: options.workers,
    progress,
    gate,
    isExternal: (path) => shape.some(({ name, kind }) => name === path && kind === 'external'),
    stdin: io.stdin,
    printer: out,
    stream: options.json ? io.stderr : io.stdout,
    env: io.env,
  });
  const show = (event: JobEvent): void => {
    progress.event(event);
    events?.write(event);
    reporter.event(event);
  };
  const { record } = progress;
  const wholeEvent = eventReader({ journal, jobId: id });
  let isFirst = true;
  let cancelledBy: NodeJS.Signals | undefined;
  let isOver = false;
  const onSignal = (signal: NodeJS.Signals, end: (exitCode: number) => void): void => {
    if (signal === 'SIGPIPE') end(exitCodeOfSignal(signal));
    else if (options.onSignal !== 'cancel') end(EXIT.left);
    else if (cancelledBy) end(exitCodeOfSignal(cancelledBy));
    else {
      cancelledBy = signal;
      void cancelFor(signal, id, reporter, context);
    }
  };
  try {
    const begin = { ...context, stored: { ...job, lastSeq: record.lastSeq } };
    const exitCode = await pollJob(
      begin,
      (now, received) => {
        for (const event of received) show(wholeEvent(event));
        // A job that is retried was over before.
        isOver = !isFirst && isTerminalJobState(now.state) && now.lastSeq <= record.lastSeq;
        isFirst = false;
        return isOver ? exitCodeOf(record.state, cancelledBy) : undefined;
      },
      onSignal,
    );
    reporter.stop();
    const unwritten = events?.close();
    if (unwritten)
      printTogether(
        err,
        [`The events can't be written to ${err.sanitize(options.events ?? '')}: ${unwritten.message}.`],
        { level: 'error' },
      );
    if (isOver) {
      const { state, begins, endedAt } = record;
      const ended = { ...job, state, startedAt: begins[0] ?? job.startedAt, endedAt, lastSeq: record.lastSeq };
      report({ job: ended, record, tails: progress.tails, shape }, progress.counts(), exitCode, options, context);
      if (reporter.isLive) reportLogs(job, context);
    } else if (exitCode === EXIT.left) reportLeft(job, context);
    return unwritten && exitCode === EXIT.completed ? EXIT.failed : exitCode;
  } finally {
    reporter.stop();
  }
};

const cancelFor = async (
  signal: NodeJS.Signals,
  id: string,
  reporter: Reporter,
  { client, server, err }: ServiceContext,
): Promise<void> => {
  reporter.notice(`${signal}: cancelled, waiting for its end. Once more waits for nothing.`, err);
  await client.jobs.cancel(id, { reason: signal }).catch((error: unknown) => {
    const why = error instanceof ServiceError ? serviceErrorText(error, server) : String(error);
    reporter.notice(err.sanitize(`It is not cancelled: ${why}`), err);
  });
};

const reportLeft = (job: JournalJob, context: ServiceContext): void => {
  const { err, server } = context;
  const place = placeOn(context);
  err.line(err.sanitize(`${jobLabel(job)} goes on at ${server.url}.`));
  for (const [what, command] of [
    ['To watch it:', jobCommand('logs', job.id, place, ['--follow'])],
    ['To end it:', jobCommand('cancel', job.id, place)],
  ] as const)
    err.line(`  ${what}  ${err.style('bold', err.sanitize(command))}`);
};

/** The live view did not show what the tasks printed. */
const reportLogs = (job: JournalJob, context: ServiceContext): void => {
  const { err } = context;
  const command = jobCommand('logs', job.id, placeOn(context));
  err.line(`What happened in it: ${err.style('bold', err.sanitize(command))}`);
};

const report = (
  stored: StoredJob,
  counts: Parameters<typeof totals>[1],
  exitCode: number,
  { json, quiet, logFormat }: WatchRemoteOptions,
  context: ServiceContext,
): void => {
  const { out, err, io } = context;
  const { job, record } = stored;
  const now = Date.now();
  if (json)
    io.stdout.write(`${inertJson(JSON.stringify({ jobId: job.id, exitCode, ...storedJobJson(stored, now) }))}\n`);
  if (!quiet && logFormat !== 'json') {
    const table = record.tasks.size > 0 ? ['', ...taskTable(stored, out, now)] : [];
    const durationMs = Math.max(0, (job.endedAt ?? now) - (job.startedAt ?? now));
    const total = totals({ jobName: job.name, state: job.state, durationMs }, counts, out);
    for (const line of [...table, '', total]) out.line(line);
    out.flush();
  }
  printTogether(err, errorLines(stored, err).slice(1), { level: 'error', code: record.error?.code });
  if (job.state === 'completed') return;
  const command = jobCommand('retry', job.id, placeOn(context));
  printTogether(err, ['To try again what did not complete:', `  ${err.style('bold', err.sanitize(command))}`]);
};
