import type { JournalJob } from '../../engine/durable/journal.ts';
import { jobCommand, type Kept } from './job-command.ts';

/** Who runs a job: `process 4711 on athens`. */
export const holderText = ({ lease }: JournalJob): string =>
  lease ? `process ${lease.pid} on ${lease.host.split(' ', 1)[0] || 'an unknown machine'}` : 'another process';

/** That somebody runs a job, and what can be done about it. */
export const runningText = (job: JournalJob, { db }: Kept): string =>
  `${holderText(job)} runs it. ${jobCommand('cancel', job.id, { db })} ends it, ${jobCommand('logs', job.id, { db }, ['--follow'])} shows it.`;
