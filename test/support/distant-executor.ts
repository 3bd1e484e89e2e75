import type { Assignment, Executor, ExecutorTask } from 'tintype';

export type Worker = { readonly name: string; readonly tags?: readonly string[]; readonly slots: number };

type Options = {
  /** Default: all tasks. */
  readonly takes?: (task: ExecutorTask) => boolean;
  /** Default: calls the function of the task in this process. */
  readonly perform?: (assignment: Assignment, worker: string) => unknown;
};

/** An executor with workers that come and go. The slot of an attempt is free when its answer is there. */
export const distantExecutor = (first: readonly Worker[], { takes = () => true, perform }: Options = {}) => {
  const workers = new Map(first.map((worker) => [worker.name, { ...worker, taken: 0 }]));
  const listeners = new Set<() => void>();
  const seen = { performed: [] as Assignment[], released: 0, most: 0 };
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const having = (tags: readonly string[]) =>
    [...workers.values()].filter((worker) => tags.every((tag) => worker.tags?.includes(tag)));
  const executor: Executor = {
    takes,
    room: (tags) => {
      const able = having(tags);
      const sum = (count: (worker: (typeof able)[number]) => number): number =>
        able.reduce((all, worker) => all + count(worker), 0);
      return { size: sum(({ slots }) => slots), taken: sum(({ taken }) => taken) };
    },
    reserve: ({ tags }) => {
      const free = having(tags).filter(({ taken, slots }) => taken < slots);
      const worker = free.sort((a, b) => (a.tags?.length ?? 0) - (b.tags?.length ?? 0))[0];
      if (!worker) throw new Error('reserved without room');
      worker.taken++;
      seen.most = Math.max(
        seen.most,
        [...workers.values()].reduce((all, { taken }) => all + taken, 0),
      );
      const giveBack = (): void => {
        worker.taken--;
        changed();
      };
      return {
        worker: worker.name,
        perform: async (assignment) => {
          seen.performed.push(assignment);
          try {
            return await (perform ?? (({ run }) => run()))(assignment, worker.name);
          } finally {
            giveBack();
          }
        },
        release: () => {
          seen.released++;
          giveBack();
        },
      };
    },
    onRoom: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    executor,
    seen,
    join: (worker: Worker): void => {
      workers.set(worker.name, { ...worker, taken: 0 });
      changed();
    },
    /** Changes how many slots a worker has; what it performs goes on. */
    resize: (name: string, slots: number): void => {
      const worker = workers.get(name);
      if (worker) workers.set(name, Object.assign(worker, { slots }));
      changed();
    },
    /** How many slots of all workers are taken. */
    taken: (): number => [...workers.values()].reduce((all, { taken }) => all + taken, 0),
    listeners,
  };
};
