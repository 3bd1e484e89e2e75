import { validate } from '../engine/definition/validate.ts';
import type { Problem } from '../engine/errors/problem.ts';
import { isPlainObject } from '../events/plain-object.ts';
import type { Location } from './locate.ts';
import type { PlacedProblem, Source } from './source.ts';
import { type Level, levelsOf, tasksOf } from './tasks-of.ts';

/** Checks names and dependencies with the engine's `validate`, and locates each problem. Skips unreadable parts. */
export const graphProblems = (
  file: unknown,
  place: (path: readonly PropertyKey[]) => Location,
  source: Source,
): readonly PlacedProblem[] =>
  [...levelsOf(isPlainObject(file) ? file : {})].flatMap((level) => problemsOfLevel(level, place, source));

const problemsOfLevel = (
  { path: outer, content }: Level,
  place: (path: readonly PropertyKey[]) => Location,
  { problemAt }: Source,
): readonly PlacedProblem[] => {
  const tasks = readableTasks(content, outer);
  const drafts = tasks.map(({ name, needs }) => {
    const dependsOn = needs.map(([, need]) => need);
    return { name, kind: 'task' as const, options: { dependsOn }, run: () => {} };
  });
  // The name of a job in the file is checked as that of a task.
  const isNamed = outer.length === 0 && typeof content.name === 'string' && content.name !== '';
  const name = isNamed ? (content.name as string) : 'workflow';
  const { problems } = validate(name, drafts, undefined);
  if (problems.length === 0) return [];
  const places = placesOf(tasks);
  const taken = new Map<string, number>();
  return problems.flatMap((problem) => {
    // If several problems have the same key, each takes the next of its places; the last is for all that remain.
    const key = problemKey(problem);
    const paths = places.get(key) ?? [];
    const path = paths[Math.min(taken.get(key) ?? 0, paths.length - 1)];
    if (!path) return [];
    taken.set(key, (taken.get(key) ?? 0) + 1);
    const at = place(path);
    const message = MESSAGES[problem.code]?.(problem) ?? problem.message;
    return [problemAt(at.value, problem.code as PlacedProblem['code'], message)];
  });
};

/** Messages that replace the engine's, in the words of a workflow file. */
const MESSAGES: Partial<Record<Problem['code'], (problem: Problem) => string>> = {
  SELF_DEPENDENCY: ({ tasks: [task] }) => `Task "${task}" waits on itself. Remove "${task}" from its dependencies.`,
  DUPLICATE_DEPENDENCY: ({ tasks: [task, need] }) =>
    `Task "${task}" names "${need}" in its dependencies more than once. Remove the repetition.`,
};

type ReadableTask = {
  readonly name: string;
  /** The task's path in the file. */
  readonly path: readonly PropertyKey[];
  readonly needs: readonly (readonly [index: number, need: string])[];
};

/** Returns the tasks that have a name, and their dependencies that are names. Numbers and booleans count as text. */
const readableTasks = (content: Level['content'], outer: Level['path']): readonly ReadableTask[] =>
  [...tasksOf(content)].flatMap(([path, { name, dependencies }]) => {
    if (!isNameLike(name)) return [];
    const needs = Array.isArray(dependencies) ? [...dependencies.entries()].filter(([, need]) => isNameLike(need)) : [];
    return [
      {
        name: String(name),
        path: [...outer, ...path],
        needs: needs.map(([index, need]) => [index, String(need)] as const),
      },
    ];
  });

const isNameLike = (value: unknown): boolean =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean';

/** Maps the key of each possible problem to the paths at which it is reported. */
const placesOf = (tasks: readonly ReadableTask[]): Map<string, (readonly PropertyKey[])[]> => {
  const places = new Map<string, (readonly PropertyKey[])[]>([[key('INVALID_NAME'), [['name']]]]);
  const add = (path: readonly PropertyKey[], ...culprits: Parameters<typeof key>): void => {
    const at = key(...culprits);
    const known = places.get(at);
    if (known) known.push(path);
    else places.set(at, [path]);
  };
  const names = new Set<string>();
  for (const { name, path: taskPath, needs } of tasks) {
    const namePath = [...taskPath, 'name'];
    add(namePath, 'INVALID_NAME', name);
    if (names.has(name)) add(namePath, 'DUPLICATE_TASK', name);
    const seen = new Map<string, number>();
    for (const [index, need] of needs) {
      const path = [...taskPath, 'dependencies', index];
      const times = (seen.get(need) ?? 0) + 1;
      seen.set(need, times);
      if (times === 2) add(path, 'DUPLICATE_DEPENDENCY', name, need);
      if (times > 1) continue;
      if (need === name) add(path, 'SELF_DEPENDENCY', name);
      add(path, 'UNKNOWN_DEPENDENCY', name, need);
      // If several tasks have the same name, only the first is in the graph and can be part of a cycle.
      if (!names.has(name)) add(path, 'CYCLE', name, need);
    }
    names.add(name);
  }
  return places;
};

const key = (code: Problem['code'], ...tasks: readonly string[]): string => JSON.stringify([code, ...tasks]);

const problemKey = ({ code, tasks, path }: Problem): string =>
  code === 'CYCLE' ? key(code, ...(path ?? []).slice(0, 2)) : key(code, ...tasks);
