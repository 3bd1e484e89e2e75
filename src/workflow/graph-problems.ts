import { validate } from '../engine/definition/validate.ts';
import type { Problem } from '../engine/errors/problem.ts';
import type { Location } from './locate.ts';
import type { PlacedProblem, Source } from './source.ts';

/** Checks names and dependencies with the engine's `validate`, and locates each problem. Skips unreadable parts. */
export const graphProblems = (
  file: unknown,
  place: (path: readonly PropertyKey[]) => Location,
  { problemAt }: Source,
): readonly PlacedProblem[] => {
  const tasks = readableTasks(file);
  const { problems } = validate(
    readableName(file),
    tasks.map(({ name, dependsOn }) => ({ name, kind: 'task' as const, options: { dependsOn }, run: () => {} })),
    undefined,
  );
  if (problems.length === 0) return [];
  const places = placesOf(tasks);
  return problems.flatMap((problem) => {
    // If several problems have the same key, each takes the next of its places.
    const path = places.get(problemKey(problem))?.shift();
    if (!path) return [];
    const at = place(path);
    const message = MESSAGES[problem.code]?.(problem) ?? problem.message;
    return [problemAt(at.value, problem.code as PlacedProblem['code'], message)];
  });
};

/** Messages that replace the engine's, in the words of a workflow file. */
const MESSAGES: Partial<Record<Problem['code'], (problem: Problem) => string>> = {
  SELF_DEPENDENCY: ({ tasks: [task] }) => `Task "${task}" waits on itself. Remove "${task}" from its dependencies.`,
};

type ReadableTask = {
  readonly name: string;
  readonly dependsOn: readonly string[];
  /** The task's path in the file, and for each of `dependsOn` its index in `dependencies`. */
  readonly path: readonly PropertyKey[];
  readonly at: readonly number[];
};

const readableName = (file: unknown): string => {
  const { name } = (file ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'workflow';
};

/** Returns the tasks that have a name, and their dependencies that are names. Numbers and booleans count as text. */
const readableTasks = (file: unknown): readonly ReadableTask[] => {
  const { tasks, handlers } = (file ?? {}) as { tasks?: unknown; handlers?: unknown };
  const handled = handlers !== null && typeof handlers === 'object' ? Object.entries(handlers) : [];
  return [
    ...readableList(['tasks'], tasks),
    ...handled.flatMap(([when, list]) => readableList(['handlers', when], list)),
  ];
};

const readableList = (path: readonly PropertyKey[], tasks: unknown): readonly ReadableTask[] => {
  if (!Array.isArray(tasks)) return [];
  return tasks.flatMap((task: unknown, index): ReadableTask[] => {
    const { name, dependencies } = (task ?? {}) as { name?: unknown; dependencies?: unknown };
    if (!isNameLike(name)) return [];
    const needs = Array.isArray(dependencies) ? [...dependencies.entries()].filter(([, need]) => isNameLike(need)) : [];
    return [
      {
        name: String(name),
        dependsOn: needs.map(([, need]) => String(need)),
        path: [...path, index],
        at: needs.map(([at]) => at),
      },
    ];
  });
};

const isNameLike = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean';

/** Returns the paths at which each possible problem is reported, by the problem's key. */
const placesOf = (tasks: readonly ReadableTask[]): Map<string, (readonly PropertyKey[])[]> => {
  const places = new Map<string, (readonly PropertyKey[])[]>([[key('INVALID_NAME'), [['name']]]]);
  const add = (path: readonly PropertyKey[], ...culprits: Parameters<typeof key>): void => {
    const at = key(...culprits);
    const known = places.get(at);
    if (known) known.push(path);
    else places.set(at, [path]);
  };
  const names = new Set<string>();
  for (const { name, dependsOn, path: taskPath, at } of tasks) {
    const namePath = [...taskPath, 'name'];
    add(namePath, 'INVALID_NAME', name);
    if (names.has(name)) add(namePath, 'DUPLICATE_TASK', name);
    const seen = new Set<string>();
    for (const [nth, need] of dependsOn.entries()) {
      if (seen.has(need)) continue;
      seen.add(need);
      const path = [...taskPath, 'dependencies', at[nth] as number];
      if (need === name) add(path, 'SELF_DEPENDENCY', name);
      add(path, 'UNKNOWN_DEPENDENCY', name, need);
      // If several tasks have the same name, the graph contains the first.
      if (!names.has(name)) add(path, 'CYCLE', name, need);
    }
    names.add(name);
  }
  return places;
};

const key = (code: Problem['code'], ...tasks: readonly string[]): string => JSON.stringify([code, ...tasks]);

const problemKey = ({ code, tasks, path }: Problem): string =>
  code === 'CYCLE' ? key(code, ...(path ?? []).slice(0, 2)) : key(code, ...tasks);
