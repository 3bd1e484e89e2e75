import type { JobSource } from '../stored/job-source.ts';
import { type JournalContext, withJournal } from '../stored/with-journal.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';

/** Where a command finds jobs: in a database or, if one is named, on a server. */
export type JobPlace = { readonly db: string; readonly server?: ServerAddress | undefined };

/** Runs `work`, which only reads, with the jobs of a database or a server. Resolves to the exit code. */
export const withJobs = async (
  { db, server }: JobPlace,
  io: CliIo,
  work: (context: JournalContext<JobSource>) => Promise<number>,
): Promise<number> => {
  if (!server) return withJournal(db, io, work, { reads: true });
  const { withService } = await import('../remote/with-service.ts');
  return withService(server, io, work);
};
