import { isTerminalJobState } from '../../events/states.ts';
import { withService } from '../remote/with-service.ts';
import { findJob } from '../stored/find-job.ts';
import { jobLabel } from '../stored/job-command.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter } from '../terminal/json-messages.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { pollJob } from './poll-job.ts';
import { endedLine } from './resume.ts';
import { placeOn } from './watch-remote.ts';

export type CancelRemoteOptions = {
  readonly drain?: boolean;
  readonly reason?: string;
  readonly wait: boolean;
  readonly quiet?: boolean;
};

/** Has a server cancel a job, and waits for its end. Resolves to the exit code. */
export const cancelRemote = (
  name: string,
  { drain, reason, wait, quiet }: CancelRemoteOptions,
  server: ServerAddress,
  io: CliIo,
): Promise<number> =>
  withService(server, io, async (context) => {
    const { client, journal, out, err } = context;
    const said = messagePrinter(io, out);
    const stored = await findJob(journal, name);
    const place = placeOn(context);
    if (isTerminalJobState(stored.state)) {
      said.line(said.sanitize(endedLine(stored, place)));
      return EXIT.completed;
    }
    await client.jobs.cancel(stored.id, { ...(reason && { reason }), ...(drain && { mode: 'drain' }) });
    if (!quiet) {
      err.line(
        err.sanitize(`Asked ${server.url} to cancel ${jobLabel(stored)}.${wait ? ' Waiting for its end.' : ''}`),
      );
      err.flush();
    }
    if (!wait) return EXIT.completed;
    return pollJob({ ...context, stored }, (job) => {
      if (!isTerminalJobState(job.state)) return undefined;
      said.line(said.sanitize(endedLine(job, place)));
      return EXIT.completed;
    });
  });
