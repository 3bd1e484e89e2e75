/** Stores values by key and, separately, which worker works on which job. In memory, for one process. */
export type SnapshotStore<Value = unknown> = {
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
  /** Removes a key; returns whether it existed. */
  readonly delete: (key: string) => boolean;
  /** Records that a worker works on a job; replaces an earlier record of the job. */
  readonly setJobSnapshot: (job: string, workerId: string) => void;
  readonly clearJobSnapshot: (job: string) => void;
  /** Returns a frozen copy of the worker ids by job. */
  readonly snapshotsInProgress: () => Readonly<Record<string, string>>;
};

/** Creates an empty store. Keys and jobs have separate namespaces, so equal names do not collide. */
export const createSnapshotStore = <Value = unknown>(): SnapshotStore<Value> => {
  const values = new Map<string, Value>();
  const workers = new Map<string, string>();
  return {
    get: (key) => values.get(key),
    set: (key, value) => void values.set(key, value),
    delete: (key) => values.delete(key),
    setJobSnapshot: (job, workerId) => void workers.set(job, workerId),
    clearJobSnapshot: (job) => void workers.delete(job),
    snapshotsInProgress: () => Object.freeze(Object.fromEntries(workers)),
  };
};
