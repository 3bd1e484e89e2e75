import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { Mask } from '../../executors/mask/mask.ts';
import type { RunOptions } from '../attend/repeatable-options.ts';
import type { Printer } from '../terminal/printer.ts';
import { shellQuoted } from '../terminal/shell-quoted.ts';

/** How to run again what did not complete, and of what did only that whose output is needed for it. */
export const repeatCommand = (
  file: string,
  result: JobResult,
  definition: JobDefinition,
  /** The tasks that put something out, on which others may build. */
  outputs: ReadonlySet<string>,
  options: Pick<RunOptions, 'param' | 'paramsFile' | 'workers' | 'onFailure' | 'timeout' | 'only' | 'skip'>,
  mask: Mask,
  { style, sanitize }: Printer,
): readonly string[] => {
  if (result.state === 'completed' || result.state === 'notReady') return [];
  // What was left out this time may be what they lack.
  const partial = (options.only ?? options.skip) !== undefined;
  const names = tasksToRepeat(result, definition, outputs).map((name) => (partial ? `+${name}` : name));
  if (names.length === 0 || names.some((name) => name.includes(','))) return [];
  const args = [
    'tintype run',
    shellQuoted(file),
    ...(options.workers === 4 ? [] : [`-w ${options.workers}`]),
    ...(options.paramsFile === undefined ? [] : [`--params-file ${shellQuoted(options.paramsFile)}`]),
    ...(options.param ?? []).map((pair) => `--param ${shellQuoted(pair)}`),
    ...(options.onFailure === undefined ? [] : [`--on-failure ${options.onFailure}`]),
    ...(options.timeout === undefined ? [] : [`--timeout ${options.timeout}ms`]),
    `--only ${shellQuoted(names.join(','))}`,
  ];
  const what = result.firstError() ? 'failed' : 'did not complete';
  return [
    partial ? `To run again what ${what}, with all that it needs:` : `To run again only what ${what}:`,
    `  ${style('bold', sanitize(mask.text(args.join(' '))))}`,
  ];
};

/** What did not complete, from its first tasks on with all that needs them, and the others whose output those build on. */
const tasksToRepeat = (
  { tasks }: JobResult,
  definition: JobDefinition,
  outputs: ReadonlySet<string>,
): readonly string[] => {
  // Clean-up runs in any case, and builds on whatever there is.
  const work = definition.tasks.filter(({ trigger }) => trigger !== 'always').map(({ name }) => name);
  const isWork = new Set(work);
  const open = new Set(work.filter((name) => isOpen(tasks[name])));
  const first = work.filter(
    (name) => open.has(name) && !definition.ancestors(name).some((upstream) => open.has(upstream)),
  );
  const downstream = new Map(
    first.map((name) => [name, definition.downstream(name).filter((next) => isWork.has(next))]),
  );
  const again = new Set([...first, ...[...downstream.values()].flat()]);
  const builtOn = new Set([...again].flatMap((name) => definition.ancestors(name)));
  const needed = [...builtOn].filter((name) => !again.has(name) && outputs.has(name));
  return [...needed, ...first.map((name) => (downstream.get(name)?.length ? `${name}+` : name))];
};

/** Whether a task was to run and did not complete. */
const isOpen = (task: TaskResult | undefined): boolean =>
  task === undefined ||
  !(task.state === 'completed' || (task.state === 'skipped' && !task.error) || task.error?.tolerated);
