import type { Links } from './depths.ts';

/** Returns a task with those at most `steps` upstream and downstream of it; of very many neighbours of a step the first ones. */
export const tasksNear = ({ up, down }: Links, task: number, steps: number): readonly number[] => {
  const near = new Set([task]);
  for (const links of [up, down]) {
    let rim: readonly number[] = [task];
    for (let step = 0; step < steps && rim.length > 0; step++) {
      const next = new Set<number>();
      for (const at of rim) for (const other of links[at] ?? []) if (!near.has(other)) next.add(other);
      rim = [...next].slice(0, MAX_RIM);
      for (const at of rim) near.add(at);
    }
  }
  return [...near].sort((a, b) => a - b);
};

const MAX_RIM = 60;
