import { jobCommand } from './job-command.ts';
import type { Printer } from './printer.ts';

/** How an interrupted job goes on. */
export const resumeHint = (jobId: string, db: string, { style, foreign }: Printer): string =>
  `An interrupted job goes on with: ${style('bold', foreign(jobCommand('resume', jobId, { db })))}`;
