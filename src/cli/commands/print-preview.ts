import { parentPath } from '../../engine/durable/task-path.ts';
import type { JobRecord } from '../../engine/model/job-record.ts';
import type { Preview } from '../../engine/recovery/retry-plan.ts';
import type { RunContext } from '../attend/run-context.ts';
import { jobLabel } from '../stored/job-command.ts';
import type { StoredJob } from '../stored/stored-job.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { wrapText } from '../terminal/wrap-text.ts';

/** Prints which tasks would run again and which would keep their results. Returns the exit code. */
export const printPreview = (
  { job, record }: StoredJob,
  { runs, keeps: whole }: Preview,
  { json }: { readonly json?: boolean },
  { out: { line, style, sanitize, columns }, io }: RunContext,
): number => {
  const keeps = [...whole, ...reusedWithin(runs, record)];
  if (json) {
    io.stdout.write(`${inertJson(JSON.stringify({ jobId: job.id, name: job.name, runs, keeps }))}\n`);
    return EXIT.completed;
  }
  line(`${style('bold', sanitize(jobLabel(job)))} would run ${count(runs)} and keep the results of ${count(keeps)}:`);
  line();
  for (const [title, names] of [
    ['runs', runs],
    ['keeps', keeps],
  ] as const) {
    if (names.length === 0) continue;
    const words = names.map((name, at) => ({ text: sanitize(name) + (at < names.length - 1 ? ',' : '') }));
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

/** The width of `  keeps  `, which comes before the names. */
const INDENT = 9;

/** Counts the top-level tasks only. */
const count = (paths: readonly string[]): string =>
  counted(paths.filter((path) => parentPath(path) === undefined).length, 'task');

/** Returns the completed inner tasks that are kept, for each task that runs again only in part. */
const reusedWithin = (runs: readonly string[], { tasks, nested }: JobRecord): readonly string[] => {
  const again = new Set(runs);
  const parts = new Set(runs.map(parentPath).filter((path): path is string => path !== undefined));
  return [...parts].flatMap((path) =>
    [...(nested.get(path) ?? [])].filter((inner) => !again.has(inner) && tasks.get(inner)?.state === 'completed'),
  );
};
