import { Option } from 'commander';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { encode } from '../../engine/durable/serialise.ts';
import type { Message } from '../../engine/recovery/messages.ts';
import type { JobEvent, TaskState } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { Mask } from '../../executors/mask/mask.ts';
import { typedOutput } from '../attend/externals-from-stdin.ts';
import { howToResume } from '../attend/resume-hint.ts';
import { storedMask } from '../attend/stored-workflow.ts';
import { type StoredJobContext, withStoredJob } from '../attend/with-stored-job.ts';
import { hintIfEarly, requireExternal } from '../stored/external-task.ts';
import { holderText, jobLabel } from '../stored/job-command.ts';
import { shapeTasks } from '../stored/shape-tasks.ts';
import { shownState } from '../stored/shown-state.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { pollJob } from './poll-job.ts';
import { endedLine } from './resume.ts';
import { actionAnywhere, type DefineCommand, JOB_NAMES, withJob } from './shared-options.ts';

/** Defines `tintype complete`. */
export const define: DefineCommand = (command, context) =>
  withJob(command, HELP)
    .argument('<task>', 'the task; one of a nested job as outer/inner')
    .option('--output <json>', 'what it puts out')
    .addOption(new Option('--fail <message>', 'fail it instead').conflicts('output'))
    .action(
      actionAnywhere(context, (io, options, job, task) => completeTask(job, task as string, options, io), {
        options: ['output', 'fail'],
        work: async (server, io, options, job, task) =>
          (await import('./complete-remote.ts')).completeRemote(job, task, options, server, io),
      }),
    );

const HELP = `
Examples:
  tintype complete last approve
  tintype complete 3f2a approve --output '{"by": "me"}'
  tintype complete 3f2a approve --fail 'too expensive'

${JOB_NAMES}
The exit code is 0, or 1 if the process that runs the job does not take it.
`;

export type CompleteOptions = {
  readonly db: string;
  /** The task's output, as JSON text. */
  readonly output?: string;
  /** If set, the task fails for this reason instead. */
  readonly fail?: string;
};

/** Completes or fails an external task of a job that another process runs. Resolves to the exit code. */
export const completeTask = (name: string, task: string, options: CompleteOptions, io: CliIo): Promise<number> =>
  withStoredJob(name, options, io, async (context) => {
    const { stored, journal, out, err } = context;
    if (options.fail !== undefined && options.fail.trim() === '')
      throw new UsageError(`--fail is empty: say why ${task} fails.`);
    requireRunning(stored, options);
    requireExternal(stored, task, shapeTasks(await journal.shape(stored.fingerprint)) ?? []);
    const mask = await storedMask(stored, io);
    const message: Message =
      options.fail === undefined
        ? { type: 'complete', task, output: outputOf(task, options.output, mask) }
        : { type: 'fail', task, error: mask.text(options.fail) };
    const early = hintIfEarly(await readStoredJob(journal, stored), task, options);
    await journal.send(stored.id, JSON.stringify(message));
    return pollJob(context, (job, since) => {
      const events = since.map((event) => eventOf(event, job.id));
      const refusal = refusalOf(events, task);
      if (refusal !== undefined) {
        err.line(`error: ${err.sanitize(refusal + early)}`);
        return EXIT.failed;
      }
      const to = endOf(events, task);
      if (to !== undefined) {
        out.line(out.sanitize(to === 'retrying' ? `${task} failed, and is tried again.` : `${task} ${to}.`));
        return to === 'completed' || options.fail !== undefined ? EXIT.completed : EXIT.failed;
      }
      return unprocessed(job, task, options.db, context);
    });
  });

/** @throws UsageError if no process runs the job */
const requireRunning = (job: JournalJob, { db }: CompleteOptions): void => {
  if (isTerminalJobState(job.state)) throw new UsageError(endedLine(job, { db }));
  if (shownState(job) !== 'interrupted') return;
  throw new UsageError(
    `${jobLabel(job)} is interrupted: nobody is there to take this. It has to go on first: ${howToResume(job, { db })}`,
  );
};

/** Encodes the given JSON text as an output, secrets masked. @throws UsageError if it is not JSON */
const outputOf = (task: string, text: string | undefined, mask: Mask): string | undefined => {
  if (text === undefined) return undefined;
  if (text.trim() === '') {
    throw new UsageError(
      `The output of ${task} is no JSON: it is empty. Leave out --output to complete it without one.`,
    );
  }
  try {
    const output = typedOutput(task, text, mask);
    return output === undefined ? undefined : encode(mask.data(output));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};

/** Returns why the job's process refused the request. It reports a refusal as a warning with attempt 0. */
const refusalOf = (events: readonly JobEvent[], task: string): string | undefined => {
  const warning = events.find(
    (event) => event.type === 'task.log' && event.task === task && event.level === 'warn' && event.attempt === 0,
  );
  return warning?.type === 'task.log' ? warning.message : undefined;
};

/** States after which the task can still be completed: its attempt continues, or it was released. */
const CONTINUES: ReadonlySet<TaskState> = new Set(['paused', 'ready']);

/** Returns the state in which the task's last attempt ended, if it has ended. */
const endOf = (events: readonly JobEvent[], task: string): string | undefined => {
  const end = events.findLast(
    (event) =>
      event.type === 'task.transition' && event.task === task && event.from === 'running' && !CONTINUES.has(event.to),
  );
  return end?.type === 'task.transition' ? end.to : undefined;
};

/** If no process is left to handle the request, reports that and returns the exit code. */
const unprocessed = (job: JournalJob, task: string, db: string, { err }: StoredJobContext): number | undefined => {
  const isOver = isTerminalJobState(job.state);
  if (!isOver && shownState(job) !== 'interrupted') return undefined;
  const why = isOver
    ? `${endedLine(job, { db })} ${task} was not touched.`
    : `${holderText(job)} died before it took this. It is taken when the job goes on: ${howToResume(job, { db })}`;
  err.line(`error: ${err.sanitize(why)}`);
  return EXIT.failed;
};
