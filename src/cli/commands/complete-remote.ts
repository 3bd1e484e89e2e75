import { ServiceError } from '../../client/service-error.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { typedOutput } from '../attend/externals-from-stdin.ts';
import { serviceErrorText, withService } from '../remote/with-service.ts';
import { hintIfEarly, requireExternal } from '../stored/external-task.ts';
import { findJob } from '../stored/find-job.ts';
import { jobCommand } from '../stored/job-command.ts';
import { shapeTasks } from '../stored/shape-tasks.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { endedLine } from './resume.ts';
import { placeOn } from './watch-remote.ts';

export type CompleteRemoteOptions = { readonly output?: string; readonly fail?: string };

/** Completes or fails an external task of a job of a server. Resolves to the exit code. */
export const completeRemote = (
  name: string,
  task: string,
  { output, fail }: CompleteRemoteOptions,
  server: ServerAddress,
  io: CliIo,
): Promise<number> =>
  withService(server, io, async ({ client, journal, out, err }) => {
    if (fail !== undefined && fail.trim() === '') throw new UsageError(`--fail is empty: say why ${task} fails.`);
    const command =
      fail === undefined
        ? ({ type: 'success', output: outputOf(task, output) } as const)
        : ({ type: 'error', message: fail } as const);
    const stored = await findJob(journal, name);
    const { id } = stored;
    if (isTerminalJobState(stored.state)) throw new UsageError(endedLine(stored, placeOn({ server })));
    requireExternal(stored, task, shapeTasks(await journal.shape('', id)) ?? []);
    try {
      const { unit } = await client.units.command(`${id}.${Buffer.from(task).toString('base64url')}`, command);
      if (unit.elsewhere) {
        out.line(
          out.sanitize(
            `Sent to the process that runs the job. ${jobCommand('show', id, placeOn({ server }))} shows it.`,
          ),
        );
        return EXIT.completed;
      }
      out.line(out.sanitize(`${task} ${HOW[unit.state] ?? `is ${unit.state}`}.`));
      return fail !== undefined || unit.state === 'completed' ? EXIT.completed : EXIT.failed;
    } catch (error) {
      // The task is not ready, or is over: as if the process that runs the job had not taken it.
      if (!(error instanceof ServiceError && error.status === 409)) throw error;
      const early = hintIfEarly(await readStoredJob(journal, stored), task, placeOn({ server }));
      err.line(err.sanitize(`error: ${serviceErrorText(error, server)}${early}`));
      return EXIT.failed;
    }
  });

const HOW: Readonly<Record<string, string>> = {
  completed: 'completed',
  failed: 'failed',
  waiting: 'failed, and is tried again',
  ready: 'failed, and is tried again',
};

/** @throws UsageError if the text is not JSON */
const outputOf = (task: string, text: string | undefined): unknown => {
  if (text === undefined) return undefined;
  if (text.trim() === '')
    throw new UsageError(
      `The output of ${task} is no JSON: it is empty. Leave out --output to complete it without one.`,
    );
  try {
    return typedOutput(task, text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};
