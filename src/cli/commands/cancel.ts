import type { Message } from '../../engine/recovery/messages.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { NO_MASK } from '../../executors/mask/mask.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { storedMask, unavailableReason } from '../attend/stored-workflow.ts';
import { type StoredJobContext, withStoredJob } from '../attend/with-stored-job.ts';
import { holderText, jobLabel } from '../stored/job-command.ts';
import { placeholderDefinition } from '../stored/shape-definition.ts';
import { shapeTasks } from '../stored/shape-tasks.ts';
import { shownState } from '../stored/shown-state.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter } from '../terminal/json-messages.ts';
import { pollJob } from './poll-job.ts';
import { endedLine, resumeHere } from './resume.ts';
import {
  actionAnywhere,
  type DefineCommand,
  JOB_NAMES,
  logFormat,
  noColour,
  trust,
  withJob,
} from './shared-options.ts';

/** Defines `tintype cancel`. */
export const define: DefineCommand = (command, context) =>
  noColour(
    withJob(command, HELP)
      .option('--drain', 'let what runs finish, and start nothing')
      .option('--reason <text>', 'why, for those who look at the job later')
      .option('--no-wait', 'do not wait for its end')
      .option('-f, --file <file>', 'the workflow file, if it is not where it was')
      .addOption(trust())
      .addOption(logFormat())
      .option('-q, --quiet', 'print errors alone'),
  ).action(
    actionAnywhere(context, (io, options, job) => cancelJob(job, options, io), {
      options: ['drain', 'reason', 'wait', 'quiet', 'logFormat'],
      work: async (server, io, options, job) =>
        (await import('./cancel-remote.ts')).cancelRemote(job, options, server, io),
    }),
  );

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
  /** The new path of the workflow file, if it has moved. */
  readonly file?: string;
  /** Whether to use the files and hosts that an imported job names. */
  readonly trust?: boolean;
  readonly drain?: boolean;
  readonly reason?: string;
  readonly wait: boolean;
  readonly logFormat: 'pretty' | 'json';
  readonly quiet?: boolean;
};

/** Cancels a job in the process that runs it or, if that process died, here. Resolves to the exit code. */
export const cancelJob = (name: string, options: CancelOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored, journal, out, err } = context;
    const { drain, wait, quiet } = options;
    const said = messagePrinter(io, out);
    if (isTerminalJobState(stored.state)) {
      said.line(said.sanitize(endedLine(stored, options)));
      return EXIT.completed;
    }
    if (shownState(stored) === 'interrupted') return cancelHere(context, options);
    const reason = options.reason && (await storedMask(stored, io)).text(options.reason);
    const message: Message = { type: 'cancel', reason, mode: drain ? 'drain' : 'abort' };
    await journal.send(stored.id, JSON.stringify(message));
    if (!quiet) {
      const waits = wait ? ' Waiting for its end.' : '';
      err.line(err.sanitize(`Asked ${holderText(stored)} to cancel ${jobLabel(stored)}.${waits}`));
      err.flush();
    }
    if (!wait) return EXIT.completed;
    let died = false;
    const exitCode = await pollJob(context, (job) => {
      died = shownState(job) === 'interrupted';
      if (died) return EXIT.failed;
      if (!isTerminalJobState(job.state)) return undefined;
      said.line(said.sanitize(endedLine(job, options)));
      return EXIT.completed;
    });
    return died ? cancelHere(context, options) : exitCode;
  });

/** Creates a workflow that can't run, for a job whose own is lost. @throws UsageError if the job's tasks are unknown */
const placeholderWorkflow = async ({ stored, journal }: StoredJobContext): Promise<LoadedWorkflow> => {
  const shape = shapeTasks(await journal.shape(stored.fingerprint));
  if (!shape) throw new UsageError(`The journal does not say what the tasks of ${jobLabel(stored)} are.`);
  return {
    workflow: { name: stored.name, tasks: [] },
    definition: placeholderDefinition(stored.name, shape),
    warnings: [],
    mask: NO_MASK,
    externals: new Map(),
  };
};

/** Resumes an interrupted job here to cancel it. Ignores `drain`, because none of its tasks is running. */
const cancelHere = async (
  context: StoredJobContext,
  { reason, wait: _, drain: __, ...options }: CancelOptions,
): Promise<number> => {
  const resumeOptions = { ...options, logLevel: 'info', changed: 'force' } as const;
  const lost = options.file === undefined ? unavailableReason(context.stored) : undefined;
  const loaded = lost === undefined ? undefined : await placeholderWorkflow(context);
  const announce = (): void => {
    if (options.quiet) return;
    const why = lost === undefined ? '' : `: ${lost}, so its handlers do not run`;
    context.err.line(context.err.sanitize(`${jobLabel(context.stored)} is interrupted, and cancelled here${why}.`));
    context.err.flush();
  };
  const exitCode = await resumeHere(context, resumeOptions, { reason, loaded, announce });
  const job = await context.journal.job(context.stored.id);
  return job && isTerminalJobState(job.state) ? EXIT.completed : exitCode;
};
