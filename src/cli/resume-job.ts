import { eventOf, type JournalJob } from '../engine/journal.ts';
import type { JobEvent } from '../events/event.ts';
import { isTerminalJobState } from '../events/event-stream.ts';
import { attendJob } from './attend-job.ts';
import { cancellingSignal } from './cancelling-signal.ts';
import { exitCodeOf } from './exit-code.ts';
import { goOnCommand } from './go-on-command.ts';
import type { CliIo } from './io.ts';
import { jobCommand, jobLabel, type Kept } from './job-command.ts';
import { readKeptJob, taskCounts } from './kept-job.ts';
import { pastEvents } from './past-events.ts';
import { STATE_WORDS } from './summary.ts';
import { atKeptJob, type KeptDesk, type TakeUpOptions, takeUp } from './take-up.ts';

/** Goes on with a job whose process died. Resolves to the exit code of the job. */
export const resumeJob = (name: string, options: TakeUpOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, err } = desk;
    if (isTerminalJobState(kept.state)) {
      if (!options.quiet) err.line(err.foreign(overLine(kept, options)));
      if (!options.json) return exitCodeOfEnded(desk);
    }
    return goOn(desk, options);
  });

/** Lets it go on here; `first` is done as soon as somebody listens. */
export const goOn = async (
  desk: KeptDesk,
  options: TakeUpOptions,
  cancelled?: { readonly reason: string | undefined },
): Promise<number> => {
  const { kept, journal, err } = desk;
  const { engine, loaded, start, ...about } = await takeUp(desk, options);
  const before = await readKeptJob(journal, kept);
  const { completed = 0, total } = taskCounts(before);
  const { job } = await engine.resume(kept.id, start);
  const isOver = isTerminalJobState(kept.state);
  if (!options.quiet && !isOver && !cancelled) {
    err.line(`${err.foreign(jobLabel(kept))} goes on, with ${completed} of ${total} tasks completed.`);
  }
  return attendJob(job, {
    ...about,
    loaded,
    desk,
    ...(isOver ? { repeat: (result) => goOnCommand(result, options, err) } : { kept: options }),
    past: pastEvents(kept, before.record),
    ...(cancelled && { first: () => void job.cancel(cancelled.reason) }),
  });
};

/** That a job is over, and what can be done about it. */
export const overLine = (job: JournalJob, kept: Kept): string => {
  const more = job.state === 'completed' ? '' : ` To try it again: ${jobCommand('retry', job.id, kept)}`;
  return `${jobLabel(job)} is over: it ${HOW[job.state] ?? job.state}.${more}`;
};

const HOW: Readonly<Record<string, string>> = {
  ...STATE_WORDS,
  notReady: 'was not ready',
  cancelled: 'was cancelled',
};

/** As the command that ran it answered. */
const exitCodeOfEnded = async ({ kept, journal }: KeptDesk): Promise<number> => {
  if (kept.state !== 'cancelled') return exitCodeOf(kept.state);
  const last = (await journal.events(kept.id, kept.lastSeq)).at(-1);
  const { reason } = (last ? eventOf(last) : {}) as Extract<JobEvent, { readonly type: 'job.transition' }>;
  return exitCodeOf('cancelled', cancellingSignal(reason));
};
