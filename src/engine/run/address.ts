import type { Plan, TaskDefinition } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import { UnknownTaskError } from '../errors/errors.ts';
import { didYouMean } from '../errors/suggest.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** Where a task is found: its job and its index there; no job yet where the task around it has not begun. */
export type Found = {
  readonly job: JobRun | undefined;
  readonly index: number;
  readonly task: TaskRun | undefined;
  /** Unknown of an instance whose fan-out has not begun. */
  readonly definition: TaskDefinition | undefined;
};

/**
 * Finds a task by its path: `name`, `outer/inner`, `name[3]`, `outer/name[3]` …
 * @throws UnknownTaskError
 */
export const find = (root: JobRun, path: string): Found => {
  let found = findIn(root, root.plan, path, path, root);
  for (let { rest } = found; rest !== undefined; { rest } = found) {
    found = findIn(found.task?.child, found.inner, rest, path, root);
  }
  return found;
};

type Step = Found & {
  /** What is left of the path, and the plan in which it is to be found, if that is known before it begins. */
  readonly rest: string | undefined;
  readonly inner: Plan | 'instances' | undefined;
};

const findIn = (job: JobRun | undefined, known: Step['inner'], path: string, whole: string, root: JobRun): Step => {
  const plan = job?.plan ?? known;
  if (plan === 'instances') {
    const index = /^\[(0|[1-9]\d*)\]$/.exec(path)?.[1];
    if (index !== undefined)
      return { job, index: Number(index), task: undefined, definition: undefined, rest: undefined, inner: undefined };
  } else if (plan) {
    for (const [name, rest] of splits(path)) {
      const index = plan.graph.indexOf.get(name);
      const definition = index === undefined ? undefined : plan.tasks[index];
      if (index === undefined || !definition) continue;
      const inner = rest === undefined ? undefined : innerOf(definition, rest);
      if (rest !== undefined && inner === undefined) continue;
      const inside = rest?.startsWith('/') ? rest.slice(1) : rest;
      return { job, index, task: job?.tasks[index], definition, rest: inside, inner };
    }
  }
  throw new UnknownTaskError(root.plan.name, whole, didYouMean(whole, root.plan.graph.indexOf.keys()));
};

/** The ways to read a path as a name and a rest: the whole, up to the first slash, up to the last bracket. */
const splits = (path: string): [name: string, rest: string | undefined][] => {
  const text = String(path);
  const slash = text.indexOf('/');
  const head = slash < 0 ? text : text.slice(0, slash);
  const bracket = head.lastIndexOf('[');
  return [
    [text, undefined],
    ...(slash > 0 ? [[head, text.slice(slash)] as [string, string]] : []),
    ...(bracket > 0 ? [[text.slice(0, bracket), text.slice(bracket)] as [string, string]] : []),
  ];
};

const innerOf = ({ nested }: TaskDefinition, rest: string): Step['inner'] => {
  if (!nested) return undefined;
  if (nested.definition) return rest.startsWith('/') ? (nested.definition[PLAN] as Plan) : undefined;
  return rest.startsWith('[') ? 'instances' : undefined;
};
