import { isPlainObject } from '../events/plain-object.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/** Yields the tasks and handlers that are mappings, each with its path; not those inside of jobs. */
export const tasksOf = function* ({ tasks, handlers }: Mapping): Generator<readonly [Path, Mapping], void> {
  const handled = entriesOf(handlers).map(([when, list]) => [['handlers', when], list] as const);
  for (const [path, list] of [[['tasks'], tasks] as const, ...handled]) {
    if (!Array.isArray(list)) continue;
    for (const [index, task] of list.entries()) if (isPlainObject(task)) yield [[...path, index], task];
  }
};

/** The tasks of the file, or of a job that stands in it, with the path of what holds them. */
export type Level = { readonly path: Path; readonly content: Mapping };

/** Yields the file, and all jobs in it whose tasks stand in the file, at any depth; outer ones first. */
export const levelsOf = function* (content: Mapping, path: Path = []): Generator<Level, void> {
  yield { path, content };
  for (const [at, task] of tasksOf(content)) if (isInPlace(task)) yield* levelsOf(task, [...path, ...at]);
};

/** Whether a task is a job whose tasks stand in the file. */
export const isInPlace = ({ type, tasks, handlers }: Mapping): boolean =>
  type === 'job' && (tasks !== undefined || handlers !== undefined);

/** Returns a task without the tasks inside it, and without what is said for these. */
export const withoutInner = (task: Mapping): Mapping => {
  if (!isInPlace(task)) return task;
  const { tasks: _, handlers: __, defaults: ___, ...own } = task;
  return own;
};

/** Returns the stage of a task or handler: 0 for tasks, 1 for handlers, 2 for handlers that always run. */
export const stageOf = ([list, when]: Path): number => (list === 'tasks' ? 0 : when === 'always' ? 2 : 1);

/** Returns the path of the innermost task or handler that contains a value; `[]` if no task or handler does. */
export const ownerPath = (path: Path): Path => {
  let length = 0;
  for (let next = 0; next <= path.length; ) {
    length = next;
    const step = path[length];
    if (step !== 'tasks' && step !== 'handlers') break;
    next = length + (step === 'tasks' ? 2 : 3);
  }
  return path.slice(0, length);
};

export const entriesOf = (value: unknown): readonly [string, unknown][] =>
  isPlainObject(value) ? Object.entries(value) : [];
