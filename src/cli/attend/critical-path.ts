import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { wrapText } from '../terminal/wrap-text.ts';

/**
 * Returns the tasks that determined how long the job took: before each task comes the one of its upstreams that ended
 * last. The final task ended last of all. It has trigger `always`, as handlers have, only if no other task has run.
 */
export const criticalPathOf = (result: JobResult, definition: JobDefinition): readonly string[] => {
  const upstream = new Map(definition.tasks.map(({ name, dependsOn }) => [name, dependsOn]));
  const work = definition.tasks.filter(({ trigger }) => trigger !== 'always').map(({ name }) => name);
  const path: string[] = [];
  for (let name = lastOf(work, result) ?? lastOf([...upstream.keys()], result); name !== undefined; ) {
    path.unshift(name);
    name = lastOf(upstream.get(name) ?? [], result);
  }
  return path;
};

const lastOf = (names: readonly string[], { tasks }: JobResult): string | undefined => {
  let last: { name: string; at: number } | undefined;
  for (const name of names) {
    const at = endOf(tasks[name]);
    if (at !== undefined && (last === undefined || at >= last.at)) last = { name, at };
  }
  return last?.name;
};

const endOf = (task: TaskResult | undefined): number | undefined =>
  task?.startedAt === undefined || task.durationMs === undefined ? undefined : task.startedAt + task.durationMs;

/** Returns lines such as `Critical path: extract 2.0s → load 1.1s`; none if the path has fewer than two tasks. */
export const criticalPathLine = (
  result: JobResult,
  definition: JobDefinition,
  { style, sanitize, columns }: Printer,
): readonly string[] => {
  const path = criticalPathOf(result, definition);
  if (path.length < 2) return [];
  const steps = path.map((name) => `${sanitize(name)} ${formatDuration(result.tasks[name]?.durationMs ?? 0)}`);
  const shown =
    steps.length > MAX_STEPS
      ? [...steps.slice(0, MAX_STEPS / 2), `… ${steps.length - MAX_STEPS} more …`, ...steps.slice(-MAX_STEPS / 2)]
      : steps;
  if (columns === Number.POSITIVE_INFINITY) return [`Critical path: ${shown.join(' → ')}`];
  const words = ['Critical path:', ...shown.map((step, index) => (index < shown.length - 1 ? `${step} →` : step))];
  return wrapText(
    words.map((text) => ({ text })),
    { columns, indents: ['', '  '], style, ellipsis: '…' },
  );
};

const MAX_STEPS = 12;
