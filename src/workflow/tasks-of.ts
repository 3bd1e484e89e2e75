import { isPlainObject } from '../events/plain-object.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/** Yields the tasks and handlers that are mappings, each with its path. */
export const tasksOf = function* ({ tasks, handlers }: Mapping): Generator<readonly [Path, Mapping], void> {
  const handled = entriesOf(handlers).map(([when, list]) => [['handlers', when], list] as const);
  for (const [path, list] of [[['tasks'], tasks] as const, ...handled]) {
    if (!Array.isArray(list)) continue;
    for (const [index, task] of list.entries()) if (isPlainObject(task)) yield [[...path, index], task];
  }
};

/** Returns the stage of a task or handler: 0 for tasks, 1 for handlers, 2 for handlers that always run. */
export const stageOf = ([list, when]: Path): number => (list === 'tasks' ? 0 : when === 'always' ? 2 : 1);

/** Returns the path of the task or handler that contains a value; `[]` if no task or handler does. */
export const ownerPath = (path: Path): Path => {
  const length = path[0] === 'tasks' ? 2 : path[0] === 'handlers' ? 3 : 0;
  return path.length < length ? [] : path.slice(0, length);
};

export const entriesOf = (value: unknown): readonly [string, unknown][] =>
  isPlainObject(value) ? Object.entries(value) : [];
