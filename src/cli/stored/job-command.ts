import type { JournalJob } from '../../engine/durable/journal.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { shellQuoted } from '../terminal/shell-quoted.ts';
import { shortId } from '../terminal/short-id.ts';

/** Where a job is stored, with the options that a follow-up command repeats. */
export type JobLocation = {
  readonly db: string;
  /** The server that has it, instead of a database here. */
  readonly server?: ServerAddress | undefined;
  /** The new path of the job's workflow file, if it has moved. */
  readonly file?: string | undefined;
  /** Further options, as words of a command line. */
  readonly args?: readonly string[] | undefined;
};

/** Returns a command for a stored job, as typed: `tintype resume 3f2a77b0`. */
export const jobCommand = (
  name: string,
  jobId: string,
  { db, server, file, args = [] }: JobLocation,
  more: readonly string[] = [],
): string => {
  const isHere = server === undefined && db !== DEFAULT_JOURNAL;
  const where = [...(file === undefined ? [] : ['--file', file]), ...(isHere ? ['--db', db] : [])];
  const words = [briefId(jobId), ...more, ...args, ...where].map(shellQuoted);
  return ['tintype', ...(server ? ['--server', shellQuoted(server.url)] : []), name, ...words].join(' ');
};

/** Returns who runs a job: `process 4711 on athens`. */
export const holderText = ({ lease }: JournalJob): string =>
  lease ? `process ${lease.pid} on ${lease.host.split(' ', 1)[0] || 'an unknown machine'}` : 'another process';

/** Returns who runs a job, with the commands that cancel it or show it. */
export const runningText = (job: JournalJob, { db }: JobLocation): string =>
  `${holderText(job)} runs it. ${jobCommand('cancel', job.id, { db })} ends it, ${jobCommand('logs', job.id, { db }, ['--follow'])} shows it.`;

/** Returns a job's short id and name: `3f2a77b0 (nightly)`. */
export const jobLabel = ({ id, name }: { readonly id: string; readonly name: string }): string =>
  `${briefId(id)} (${name})`;

/** Shortens an id without looking at other jobs. If the short id is ambiguous, the command reports it. */
const briefId = (id: string): string => shortId(id, []);
