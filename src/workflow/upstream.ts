import { stageOf, tasksOf } from './tasks-of.ts';

/** What is known of the order of the tasks of a file. */
export type Upstream = {
  /** The names of all tasks. */
  readonly names: { readonly has: (name: string) => boolean } & Iterable<string>;
  /** Returns what is wrong with a task that reads the output of another one; `undefined` if that one is upstream. */
  readonly faultOf: (task: string, other: string) => string | undefined;
};

/** Reads the order of tasks and handlers: by their dependencies, and handlers after all tasks. */
export const upstreamIn = (file: Readonly<Record<string, unknown>>): Upstream => {
  const tasks = new Map<string, { readonly needs: readonly string[]; readonly stage: number }>();
  for (const [path, { name, dependencies }] of tasksOf(file)) {
    const needs = Array.isArray(dependencies) ? dependencies.map(String) : [];
    if (!tasks.has(String(name))) tasks.set(String(name), { needs, stage: stageOf(path) });
  }
  let steps = 0;
  const upstreamOf = (task: string): ReadonlySet<string> => {
    const found = new Set<string>();
    const left = [task];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      for (const need of tasks.get(next)?.needs ?? []) {
        steps++;
        if (found.has(need)) continue;
        found.add(need);
        left.push(need);
      }
    }
    return found;
  };
  let last: { readonly task: string; readonly upstream: ReadonlySet<string> } | undefined;
  const isUpstream = (other: string, task: string): boolean => {
    if (last?.task !== task) last = { task, upstream: upstreamOf(task) };
    return last.upstream.has(other);
  };
  return {
    names: { has: (name) => tasks.has(name), [Symbol.iterator]: () => tasks.keys() },
    faultOf: (task, other) => {
      const [reader, read] = [tasks.get(task), tasks.get(other)];
      if (!reader || !read || task === other || read.stage < reader.stage) return undefined;
      if (reader.needs.includes(other) || steps > MAX_STEPS || isUpstream(other, task)) return undefined;
      const runsAfter = read.stage > reader.stage || upstreamOf(other).has(task);
      return runsAfter
        ? `task "${other}" runs after it.`
        : `does not wait for task "${other}". Add "${other}" to its dependencies.`;
    },
  };
};

/** The maximum number of dependencies that are followed for one file: after that, every task counts as upstream. */
const MAX_STEPS = 1_000_000;
