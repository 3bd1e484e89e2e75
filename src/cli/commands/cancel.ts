import type { Message } from '../../engine/recovery/messages.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { NO_MASK } from '../../executors/mask/mask.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { keptMask, lostBecause } from '../attend/kept-workflow.ts';
import { atKeptJob, type KeptDesk } from '../attend/take-up.ts';
import { holderText } from '../kept/holder-text.ts';
import { jobLabel } from '../kept/job-command.ts';
import { lostDefinition } from '../kept/shape-definition.ts';
import { shapeTasks } from '../kept/shape-tasks.ts';
import { shownState } from '../kept/shown-state.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { goOn, overLine } from './resume.ts';
import { JOB_NAMES } from './shared-help.ts';
import { action, type DefineCommand, noColour, onJob, onJournal } from './shared-options.ts';
import { watchJob } from './watch-job.ts';

/** Defines `tintype cancel`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    onJob(onJournal(command.addHelpText('after', HELP)))
      .option('--drain', 'let what runs finish, and start nothing')
      .option('--reason <text>', 'why, for those who look at the job later')
      .option('--no-wait', 'do not wait for its end')
      .option('-f, --file <file>', 'the workflow file, if it is not where it was')
      .option('-q, --quiet', 'print errors alone'),
  ).action(action(context, (io, options, job) => cancelJob(job, options, io)));

const HELP = `
Examples:
  tintype cancel last
  tintype cancel 3f2a --drain --reason 'wrong day'

${JOB_NAMES}
Handlers still run; of a job whose process died here, which is waited for in any
case. The exit code is 0 once it is over, however that was.
`;

export type CancelOptions = {
  readonly db: string;
  /** Where the workflow file is now. */
  readonly file?: string;
  readonly drain?: boolean;
  readonly reason?: string;
  /** Whether to wait for the end. */
  readonly wait: boolean;
  readonly quiet?: boolean;
};

/** Cancels a job, wherever it runs; of one whose process died the clean-up runs here. Resolves to the exit code. */
export const cancelJob = (name: string, options: CancelOptions, io: CliIo): Promise<number> =>
  atKeptJob(name, options, io, async (desk) => {
    const { kept, journal, out, err } = desk;
    const { drain, wait, quiet } = options;
    if (isTerminalJobState(kept.state)) {
      out.line(out.foreign(overLine(kept, options)));
      return EXIT.completed;
    }
    if (shownState(kept, Date.now()) === 'interrupted') return cancelHere(desk, options);
    const reason = options.reason && (await keptMask(kept, io)).text(options.reason);
    const message: Message = { type: 'cancel', reason, mode: drain ? 'drain' : 'abort' };
    await journal.send(kept.id, JSON.stringify(message));
    if (!quiet) {
      const waits = wait ? ' Waiting for its end.' : '';
      err.line(err.foreign(`Asked ${holderText(kept)} to cancel ${jobLabel(kept)}.${waits}`));
      err.flush();
    }
    if (!wait) return EXIT.completed;
    let died = false;
    const exitCode = await watchJob(desk, (job) => {
      died = shownState(job, Date.now()) === 'interrupted';
      if (died) return EXIT.failed;
      if (!isTerminalJobState(job.state)) return undefined;
      out.line(out.foreign(overLine(job, options)));
      return EXIT.completed;
    });
    return died ? cancelHere(desk, options) : exitCode;
  });

/** A workflow whose tasks do nothing, for a job whose own is lost. @throws UsageError */
const standIn = async ({ kept, journal }: KeptDesk): Promise<LoadedWorkflow> => {
  const shape = shapeTasks(await journal.shape(kept.fingerprint));
  if (!shape) throw new UsageError(`The journal does not say what the tasks of ${jobLabel(kept)} are.`);
  return {
    workflow: { name: kept.name, tasks: [] },
    definition: lostDefinition(kept.name, shape),
    mask: NO_MASK,
    externals: new Map(),
  };
};

/** Nothing of it runs, so there is nothing to drain. */
const cancelHere = async (
  desk: KeptDesk,
  { reason, wait: _, drain: __, ...options }: CancelOptions,
): Promise<number> => {
  const told = { ...options, logLevel: 'info', logFormat: 'pretty', changed: 'force' } as const;
  const lost = options.file === undefined ? lostBecause(desk.kept) : undefined;
  const loaded = lost === undefined ? undefined : await standIn(desk);
  const announce = (): void => {
    if (options.quiet) return;
    const why = lost === undefined ? '' : `: ${lost}, so its handlers do not run`;
    desk.err.line(desk.err.foreign(`${jobLabel(desk.kept)} is interrupted, and cancelled here${why}.`));
    desk.err.flush();
  };
  const exitCode = await goOn(desk, told, { reason, loaded, announce });
  const job = await desk.journal.job(desk.kept.id);
  return job && isTerminalJobState(job.state) ? EXIT.completed : exitCode;
};
