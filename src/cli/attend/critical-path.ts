import { buildGraph } from '../../engine/definition/graph.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult } from '../../engine/job-result.ts';
import { criticalPathOf as longestPath } from '../../engine/views/critical-path.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { wrapText } from '../terminal/wrap-text.ts';

/**
 * Returns the critical path of a job that is over: the longest by the time that its tasks took. Tasks with trigger
 * `always`, as handlers have, are in it only if no other task has run.
 */
export const criticalPathOf = (result: JobResult, definition: JobDefinition): readonly string[] => {
  const hasRun = (name: string): boolean => result.tasks[name]?.durationMs !== undefined;
  const work = definition.tasks.filter(({ trigger }) => trigger !== 'always');
  const { names, ...graph } = buildGraph(work.some(({ name }) => hasRun(name)) ? work : definition.tasks);
  const weights = names.map((name) => result.tasks[name]?.durationMs ?? 0);
  return longestPath(graph, weights)
    .path.map((index) => names[index] as string)
    .filter(hasRun);
};

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
