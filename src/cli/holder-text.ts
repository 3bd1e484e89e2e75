import type { JournalJob } from '../engine/journal.ts';

/** Who runs a job: `process 4711 on athens`. */
export const holderText = ({ lease }: JournalJob): string =>
  lease ? `process ${lease.pid} on ${lease.host.split(' ', 1)[0] || 'an unknown machine'}` : 'another process';
