import type { Journal } from '../../engine/durable/journal.ts';
import { JournalError } from '../../engine/errors/errors.ts';
import type { CheckProblem } from '../../journal/check.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { withJournal } from '../stored/with-journal.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { action, type DefineCommand, withDbOption } from './shared-options.ts';

/** Defines `tintype db check`. */
export const define: DefineCommand = (command, context) =>
  withDbOption(command, HELP).action(action(context, (io, options) => checkJournal(options.db, io)));

const HELP = `
Example:
  tintype db check --db .tintype/jobs.db

The exit code is 0, 1 if anything is damaged, or 2 if it is no such database.
`;

/** Reads a whole journal and reports where it is damaged. Resolves to the exit code. */
export const checkJournal = (db: string, io: CliIo): Promise<number> =>
  withJournal(
    db,
    io,
    async ({ journal, out }) => {
      const { problems: damage, jobs, events } = journal.check();
      const problems = damage.length > 0 ? damage : await oddJobs(journal);
      const ok = problems.length === 0;
      for (const problem of problems) out.line(out.sanitize(problemLine(problem)));
      const extent = `${counted(jobs, 'job')}, ${counted(events, 'event')}`;
      const file = out.sanitize(journal.file);
      if (ok) out.line(`${file} is sound: ${extent}.`);
      else {
        out.line(`${file} has ${counted(problems.length, 'problem')} in ${extent}.`);
        out.line('Go back to a backup; or export the jobs that are sound, and import them into a new one.');
      }
      return ok ? EXIT.completed : EXIT.failed;
    },
    { reads: true },
  );

/** Returns the jobs whose events are as they were written, but make no sense. */
const oddJobs = async (journal: Journal): Promise<readonly CheckProblem[]> => {
  const problems: CheckProblem[] = [];
  for (const job of await journal.jobs()) {
    try {
      await readStoredJob(journal, job);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      problems.push({ jobId: job.id, message: error.message });
    }
  }
  return problems;
};

const problemLine = ({ jobId, seq, message }: CheckProblem): string => {
  const where = jobId === undefined ? '' : `job ${jobId}${seq === undefined ? '' : `, event ${seq}`}: `;
  return where + message;
};
