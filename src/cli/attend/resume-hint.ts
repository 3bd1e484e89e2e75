import type { JournalJob } from '../../engine/durable/journal.ts';
import { type JobLocation, jobCommand } from '../stored/job-command.ts';
import type { Printer } from '../terminal/printer.ts';
import { originOf } from './stored-workflow.ts';

/** Returns a sentence on how to resume interrupted jobs. */
export const resumeHint = (
  jobs: readonly Pick<JournalJob, 'id' | 'metadata'>[],
  location: JobLocation,
  { style, sanitize }: Printer,
): string => {
  // A server knows by itself what a job was started of.
  const [first, ...more] = location.server ? jobs : jobs.filter((job) => originOf(job) !== 'program');
  if (!first) return 'An interrupted job of a program goes on there, by engine.recover().';
  const command = more.length === 0 ? resumeCommand(first, location) : jobCommand('resume', 'JOB', location);
  return `An interrupted job goes on with: ${style('bold', sanitize(command))}`;
};

/** Returns how to resume a job: a command, or words for a job that only its program can resume. */
export const howToResume = (job: Pick<JournalJob, 'id' | 'metadata'>, location: JobLocation): string =>
  originOf(job) === 'program' && location.file === undefined
    ? 'in the program that started it, by engine.recover()'
    : resumeCommand(job, location);

/** Returns the command that resumes a job. A workflow that was read from a pipe needs `--file`. */
export const resumeCommand = (job: Pick<JournalJob, 'id' | 'metadata'>, location: JobLocation): string =>
  originOf(job) === 'pipe' && location.file === undefined && !location.server
    ? jobCommand('resume', job.id, location, ['--file', 'FILE'])
    : jobCommand('resume', job.id, location);
