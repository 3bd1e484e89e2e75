import type { JournalJob } from '../../engine/durable/journal.ts';
import { removeEnded } from '../../engine/recovery/remove-jobs.ts';
import type { JobState } from '../../events/event.ts';
import { ENDED_STATES } from '../../events/states.ts';
import { journalErrorLine, withJournal } from '../stored/with-journal.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { formatDate } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import { shortId } from '../terminal/short-id.ts';
import { paintState } from '../terminal/state-style.ts';
import { textTable } from '../terminal/text-table.ts';
import { action, type DefineCommand, duration, statesOf, withDbOption } from './shared-options.ts';

/** Defines `tintype prune`. */
export const define: DefineCommand = (command, context) =>
  withDbOption(command, HELP)
    .requiredOption('--older-than <duration>', 'how long ago they ended at least, such as 30d', duration)
    .option('--state <states>', 'only jobs that ended so, with commas between', statesOf(ENDED_STATES))
    .option('--dry-run', 'print what would be removed, and remove nothing')
    .action(action(context, (io, options) => pruneJobs(options, io)));

const HELP = `
Examples:
  tintype prune --older-than 30d --dry-run
  tintype prune --older-than 7d --state completed

A job that is not over is never removed. tintype db vacuum then gives the room back
to the disk; without it, later jobs take it.
`;

export type PruneOptions = {
  readonly db: string;
  /** How long ago a job must have ended, in ms. */
  readonly olderThan: number;
  readonly state?: readonly JobState[];
  readonly dryRun?: boolean;
};

/** Removes jobs that ended longer than `olderThan` ago. Resolves to the exit code. */
export const pruneJobs = ({ db, olderThan, state = ENDED_STATES, dryRun }: PruneOptions, io: CliIo): Promise<number> =>
  withJournal(
    db,
    io,
    async ({ journal, out, err }) => {
      const filter = { states: state, endedBefore: Date.now() - olderThan };
      if (dryRun) {
        const old = await journal.jobs(filter, ({ error }) => err.line(journalErrorLine(error, err)));
        if (old.length > 0) for (const line of table(old, out)) out.line(line);
        out.line(`Would remove ${counted(old.length, 'job')}. Nothing was removed.`);
        return EXIT.completed;
      }
      out.line(`Removed ${counted(await removeEnded(journal, filter), 'job')}.`);
      return EXIT.completed;
    },
    { reads: dryRun },
  );

const table = (jobs: readonly JournalJob[], out: Printer): readonly string[] => {
  const ids = jobs.map(({ id }) => id);
  return textTable(
    [
      { title: 'JOB', cut: 'middle' },
      { title: 'NAME', cut: 'middle' },
      { title: 'STATE', paint: paintState(out) },
      { title: 'ENDED' },
    ],
    jobs.map(({ id, name, state, endedAt, updatedAt }) => [
      out.sanitize(shortId(id, ids)),
      out.sanitize(name),
      state,
      formatDate(endedAt ?? updatedAt),
    ]),
    out,
  );
};
