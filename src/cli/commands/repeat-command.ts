import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobResult, TaskResult } from '../../engine/job-result.ts';
import type { Mask } from '../../executors/mask/mask.ts';
import type { RunOptions } from '../attend/repeatable-options.ts';
import type { Printer } from '../terminal/printer.ts';
import { shellQuoted } from '../terminal/shell-quoted.ts';

/** Returns lines with a command that runs the tasks that did not complete, and the tasks whose outputs they need. */
export const repeatCommand = (
  file: string,
  result: JobResult,
  definition: JobDefinition,
  /** The tasks that returned an output, which downstream tasks may read. */
  outputs: ReadonlySet<string>,
  options: Pick<
    RunOptions,
    'param' | 'paramsFile' | 'label' | 'onFailure' | 'timeout' | 'keepLogs' | 'only' | 'skip'
  > & {
    readonly workers?: number | undefined;
  },
  mask: Mask,
  { style, sanitize }: Printer,
): readonly string[] => {
  if (result.state === 'completed' || result.state === 'notReady') return [];
  // A task that was left out this time may be needed now, so `+` adds all upstreams.
  const partial = (options.only ?? options.skip) !== undefined;
  const names = tasksToRepeat(result, definition, outputs).map((name) => (partial ? `+${name}` : name));
  if (names.length === 0 || names.some((name) => name.includes(','))) return [];
  const args = [
    'tintype run',
    shellQuoted(file),
    ...(options.workers === undefined ? [] : [`-w ${options.workers}`]),
    ...(options.paramsFile === undefined ? [] : [`--params-file ${shellQuoted(options.paramsFile)}`]),
    ...(options.param ?? []).map((pair) => `--param ${shellQuoted(pair)}`),
    ...(options.label ?? []).map((pair) => `--label ${shellQuoted(pair.join('='))}`),
    ...(options.onFailure === undefined ? [] : [`--on-failure ${options.onFailure}`]),
    ...(options.timeout === undefined ? [] : [`--timeout ${options.timeout}ms`]),
    ...(options.keepLogs === undefined ? [] : [`--keep-logs ${options.keepLogs}`]),
    `--only ${shellQuoted(names.join(','))}`,
  ];
  const what = result.firstError() ? 'failed' : 'did not complete';
  return [
    partial ? `To run again what ${what}, with all that it needs:` : `To run again only what ${what}:`,
    `  ${style('bold', sanitize(mask.text(args.join(' '))))}`,
  ];
};

/** Returns the `--only` list: each topmost uncompleted task as `name+`, and tasks whose outputs these tasks need. */
const tasksToRepeat = (
  { tasks }: JobResult,
  definition: JobDefinition,
  outputs: ReadonlySet<string>,
): readonly string[] => {
  // Leave out tasks with trigger `always`, such as handlers: they run in any case.
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

/** Returns whether a task must run again: not if it completed, was skipped without an error, or failed as allowed. */
const isOpen = (task: TaskResult | undefined): boolean =>
  task === undefined ||
  !(task.state === 'completed' || (task.state === 'skipped' && !task.error) || task.error?.tolerated);
