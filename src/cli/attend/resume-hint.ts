import type { JournalJob } from '../../engine/durable/journal.ts';
import { jobCommand, type Kept } from '../kept/job-command.ts';
import type { Printer } from '../terminal/printer.ts';
import { originOf } from './kept-workflow.ts';

/** How interrupted jobs go on. */
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

/** How one interrupted job goes on, after a verb: `tintype resume 3f2a77b0`. */
export const howToGoOn = (job: Pick<JournalJob, 'id' | 'metadata'>, kept: Kept): string =>
  originOf(job) === 'program' && kept.file === undefined
    ? 'in the program that started it, by engine.recover()'
    : resumeCommand(job, kept);

/** What came by a pipe has to be given by a file. */
const resumeCommand = (job: Pick<JournalJob, 'id' | 'metadata'>, kept: Kept): string =>
  originOf(job) === 'pipe' && kept.file === undefined
    ? jobCommand('resume', job.id, kept, ['--file', 'FILE'])
    : jobCommand('resume', job.id, kept);
