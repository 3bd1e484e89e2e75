import type { JournalJob } from '../engine/journal.ts';
import type { Preview } from '../engine/retry-job.ts';
import { EXIT } from './exit-code.ts';
import { jobLabel } from './job-command.ts';
import type { RunDesk } from './run-desk.ts';
import { wrapText } from './wrap-text.ts';

/** Prints what would run again, and what would not. Answers the exit code. */
export const printPreview = (
  job: JournalJob,
  { runs, keeps }: Preview,
  { json }: { readonly json?: boolean },
  { out: { line, style, foreign, columns }, io }: RunDesk,
): number => {
  if (json) {
    io.stdout.write(`${JSON.stringify({ jobId: job.id, name: job.name, runs, keeps })}\n`);
    return EXIT.completed;
  }
  line(`${style('bold', foreign(jobLabel(job)))} would run ${count(runs)} and keep the results of ${count(keeps)}:`);
  line();
  for (const [title, names] of [
    ['runs', runs],
    ['keeps', keeps],
  ] as const) {
    if (names.length === 0) continue;
    const words = names.map((name, at) => ({ text: foreign(name) + (at < names.length - 1 ? ',' : '') }));
    const indent = ' '.repeat(INDENT);
    const [first = '', ...more] =
      columns === Number.POSITIVE_INFINITY
        ? [words.map(({ text }) => text).join(' ')]
        : wrapText(words, { columns: columns - INDENT, indents: ['', ''], style, ellipsis: '…' });
    line(`  ${title.padEnd(INDENT - 2)}${first}`);
    for (const text of more) line(indent + text);
  }
  return EXIT.completed;
};

/** `  keeps  ` */
const INDENT = 9;

const count = ({ length }: readonly string[]): string => `${length} ${length === 1 ? 'task' : 'tasks'}`;
