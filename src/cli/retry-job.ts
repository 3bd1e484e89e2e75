import type { JournalJob } from '../engine/journal.ts';
import type { Preview, RetrySelection } from '../engine/retry-plan.ts';
import { isTerminalJobState } from '../events/event-stream.ts';
import { attendJob } from './attend-job.ts';
import { runningText } from './holder-text.ts';
import type { CliIo } from './io.ts';
import { jobCommand, jobLabel, type Kept } from './job-command.ts';
import { readKeptJob } from './kept-job.ts';
import { UsageError } from './params.ts';
import { pastEvents } from './past-events.ts';
import { printPreview } from './print-preview.ts';
import { shownState } from './shown-state.ts';
import { atKeptJob, type TakeUpOptions, takeUp } from './take-up.ts';

export type RetryOptions = TakeUpOptions & {
  /** Paths of tasks. */
  readonly task?: readonly string[];
  readonly downstream: boolean;
  readonly dryRun?: boolean;
};

/** Tries tasks of a job again that is over. Resolves to the exit code of the job. */
export const retryJob = (name: string, options: RetryOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, journal } = desk;
    requireOver(kept, options, 'tried again');
    const { engine, loaded, start, ...about } = await takeUp(desk, options);
    const selection: RetrySelection = { tasks: options.task, downstream: options.downstream };
    const preview = await engine.previewRetry(kept.id, { ...selection, changed: options.changed });
    if (options.dryRun) return printPreview(await readKeptJob(journal, kept), preview, options, desk);
    const { record, history } = await readKeptJob(journal, kept);
    // Retried here, and not by the engine, it has told nothing yet when somebody listens.
    const { job: ended } = await engine.resume(kept.id, start);
    const job = ended.retry(selection);
    return attendJob(job, {
      ...about,
      loaded,
      desk,
      kept: options,
      history,
      past: pastEvents(kept, record, startingOver(preview)),
    });
  });

const startingOver = ({ runs }: Preview): ReadonlySet<string> => new Set(runs);

/** @throws UsageError of a job that is not over */
export const requireOver = (job: JournalJob, kept: Kept, what: string): void => {
  if (isTerminalJobState(job.state)) return;
  const why =
    shownState(job, Date.now()) === 'interrupted'
      ? `it is interrupted. It has to go on first: ${jobCommand('resume', job.id, kept)}`
      : runningText(job, kept);
  throw new UsageError(`${jobLabel(job)} can't be ${what}: ${why}`);
};
