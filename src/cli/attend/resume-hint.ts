import type { JournalJob } from '../../engine/durable/journal.ts';
import { jobCommand, type Kept } from '../kept/job-command.ts';
import type { Printer } from '../terminal/printer.ts';
import { originOf } from './kept-workflow.ts';

/** Returns a sentence on how to resume interrupted jobs. */
export const resumeHint = (
  jobs: readonly Pick<JournalJob, 'id' | 'metadata'>[],
  kept: Kept,
  { style, foreign }: Printer,
): string => {
  const [first, ...more] = jobs.filter((job) => originOf(job) !== 'program');
  if (!first) return 'An interrupted job of a program goes on there, by engine.recover().';
  const command = more.length === 0 ? resumeCommand(first, kept) : jobCommand('resume', 'JOB', kept);
  return `An interrupted job goes on with: ${style('bold', foreign(command))}`;
};

/** Returns how to resume a job: a command, or words for a job that only its program can resume. */
export const howToGoOn = (job: Pick<JournalJob, 'id' | 'metadata'>, kept: Kept): string =>
  originOf(job) === 'program' && kept.file === undefined
    ? 'in the program that started it, by engine.recover()'
    : resumeCommand(job, kept);

/** Returns the command that resumes a job. A workflow that was read from a pipe needs `--file`. */
const resumeCommand = (job: Pick<JournalJob, 'id' | 'metadata'>, kept: Kept): string =>
  originOf(job) === 'pipe' && kept.file === undefined
    ? jobCommand('resume', job.id, kept, ['--file', 'FILE'])
    : jobCommand('resume', job.id, kept);
