import type { JobTable } from './job-table.ts';
import { isSettledLetter, KIND_LETTERS, REMOVED, STATE_LETTERS } from './letters.ts';

/** What holds a task up in the end. `more`: how many tasks are left out. */
export type Roots = { readonly roots: readonly number[]; readonly more: number };

type Looked = Pick<JobTable, 'parent' | 'kind' | 'up' | 'state' | 'inside'>;

/**
 * Returns the tasks that a task waits for in the end: those upstream of it, through tasks that wait for others, that have
 * begun or could begin. Of a nested job or map that runs, those inside. The nearest first; none for a task that waits for itself alone.
 */
export const rootsOf = (table: Looked, index: number, limit = 20): Roots => {
  const seen = new Set([index]);
  const queue = [index];
  const roots: number[] = [];
  for (const task of queue) {
    const next = holding(table, task);
    if (next.length === 0) roots.push(task);
    for (const one of next) {
      if (seen.has(one)) continue;
      seen.add(one);
      queue.push(one);
    }
  }
  const others = roots.filter((root) => root !== index && isUnsettled(table, root));
  return { roots: others.slice(0, limit), more: Math.max(0, others.length - limit) };
};

/** Returns the tasks that hold one up; none if it has ended, or only it can say what it waits for. */
const holding = (table: Looked, index: number): readonly number[] => {
  const { parent, up, state, kind, inside } = table;
  if (!isUnsettled(table, index)) return [];
  if (state[index] === STATE_LETTERS.unscheduled) {
    const upstream = (up[index] ?? []).filter((one) => isUnsettled(table, one));
    if (upstream.length > 0) return upstream;
    const around = parent[index] as number;
    return around >= 0 && state[around] !== STATE_LETTERS.running ? [around] : [];
  }
  if (state[index] !== STATE_LETTERS.running) return [];
  if (kind[index] !== KIND_LETTERS.job && kind[index] !== KIND_LETTERS.map) return [];
  const within = (inside.get(index) ?? []).filter((one) => isUnsettled(table, one));
  const active = within.filter((one) => state[one] !== STATE_LETTERS.unscheduled);
  return active.length > 0 ? active : within;
};

const isUnsettled = ({ state }: Looked, index: number): boolean => {
  const letter = state[index];
  return letter !== undefined && letter !== REMOVED && !isSettledLetter(letter);
};
