import type { JournalJob } from '../../engine/durable/journal.ts';
import { type JobLocation, jobCommand } from './job-command.ts';

/** Returns who runs a job: `process 4711 on athens`. */
export const holderText = ({ lease }: JournalJob): string =>
  lease ? `process ${lease.pid} on ${lease.host.split(' ', 1)[0] || 'an unknown machine'}` : 'another process';

/** Returns who runs a job, with the commands that cancel it or show it. */
export const runningText = (job: JournalJob, { db }: JobLocation): string =>
  `${holderText(job)} runs it. ${jobCommand('cancel', job.id, { db })} ends it, ${jobCommand('logs', job.id, { db }, ['--follow'])} shows it.`;
