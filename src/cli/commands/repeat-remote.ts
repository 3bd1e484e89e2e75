import type { JobInfo } from '../../client/client.ts';
import type { JournalJob } from '../../engine/durable/journal.ts';
import type { Preview } from '../../engine/recovery/retry-plan.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { type ServiceContext, withService } from '../remote/with-service.ts';
import { findJob } from '../stored/find-job.ts';
import { jobCommand, jobLabel } from '../stored/job-command.ts';
import { shownState } from '../stored/shown-state.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { exitCodeOf, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { printPreview } from './print-preview.ts';
import { placeOn, type WatchRemoteOptions, watchRemote } from './watch-remote.ts';

type Repeat = WatchRemoteOptions & { readonly dryRun?: boolean; readonly changed?: 'refuse' | 'accept' | 'force' };

export type ResumeRemoteOptions = Omit<Repeat, 'dryRun'>;

export type RetryRemoteOptions = Repeat & { readonly task?: readonly string[]; readonly downstream: boolean };

export type RerunRemoteOptions = Repeat & { readonly from?: readonly string[] };

/** Has a server retry tasks of a job that is over. Resolves to the job's exit code. */
export const retryRemote = (name: string, options: RetryRemoteOptions, server: ServerAddress, io: CliIo) =>
  withJobOf(name, options, server, io, async (context, stored) => {
    requireOver(stored, 'tried again', context);
    const { dryRun, task, downstream, changed } = options;
    const body = { downstream, ...(task && { tasks: [...task] }), ...(changed && { changed }) };
    const history = await readStoredJob(context.journal, stored);
    const { retry } = context.client.jobs;
    if (dryRun) return printPreview(history, planIn(await retry(stored.id, { ...body, dryRun })), options, context);
    await retry(stored.id, body);
    return watchRemote(stored, options, context, history);
  });

/** Has a server start a new job that reuses results of one that is over. Resolves to the exit code of the new job. */
export const rerunRemote = (name: string, options: RerunRemoteOptions, server: ServerAddress, io: CliIo) =>
  withJobOf(name, options, server, io, async (context, stored) => {
    requireOver(stored, 'run again', context);
    const { dryRun, from, changed, quiet } = options;
    const body = { ...(from && { from: [...from] }), ...(changed && { changed }) };
    const { rerun } = context.client.jobs;
    if (dryRun) {
      const plan = planIn(await rerun(stored.id, { ...body, dryRun }));
      return printPreview(await readStoredJob(context.journal, stored), plan, options, context);
    }
    const job = (await rerun(stored.id, body)) as JobInfo;
    const { err } = context;
    if (!quiet) err.line(err.sanitize(`${jobLabel(job)} takes over results of ${jobLabel(stored)}.`));
    return watchRemote(job, options, context);
  });

/** Has a server go on with a job whose process died. Resolves to the job's exit code. */
export const resumeRemote = (name: string, options: ResumeRemoteOptions, server: ServerAddress, io: CliIo) =>
  withJobOf(name, options, server, io, async (context, stored) => {
    const { client, journal, err } = context;
    if (isTerminalJobState(stored.state)) {
      if (!options.quiet) err.line(err.sanitize(`${jobLabel(stored)} is over: it is ${stored.state}.`));
      return exitCodeOf(stored.state);
    }
    if (shownState(stored) !== 'interrupted') throw isRunning(stored, 'resumed', context);
    const history = await readStoredJob(journal, stored);
    await client.jobs.resume(stored.id, { changed: options.changed });
    return watchRemote(stored, options, context, history);
  });

const withJobOf = (
  name: string,
  options: { readonly json?: boolean | undefined },
  server: ServerAddress,
  io: CliIo,
  work: (context: ServiceContext, stored: JournalJob) => Promise<number>,
): Promise<number> =>
  withService(server, io, async (context) => work(context, await findJob(context.journal, name)), options);

const planIn = (answer: object): Preview => answer as Preview;

/** @throws UsageError if the job has not ended */
const requireOver = (job: JournalJob, what: string, context: ServiceContext): void => {
  if (isTerminalJobState(job.state)) return;
  if (shownState(job) !== 'interrupted') throw isRunning(job, what, context);
  const command = jobCommand('resume', job.id, placeOn(context));
  throw new UsageError(`${jobLabel(job)} can't be ${what}: it is interrupted. It has to go on first: ${command}`);
};

const isRunning = (job: JournalJob, what: string, context: ServiceContext): UsageError => {
  const [cancel, logs] = [
    jobCommand('cancel', job.id, placeOn(context)),
    jobCommand('logs', job.id, placeOn(context), ['--follow']),
  ];
  return new UsageError(`${jobLabel(job)} can't be ${what}: it is ${job.state}. ${cancel} ends it, ${logs} shows it.`);
};
