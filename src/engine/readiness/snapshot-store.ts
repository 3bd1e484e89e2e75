/** Values by key, and beside them which worker is at which job. It lives in memory, for one process. */
export type SnapshotStore<Value = unknown> = {
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
  /** Whether there was such a key. */
  readonly delete: (key: string) => boolean;
  /** Notes that a worker is at a job; a later note replaces it. */
  readonly setJobSnapshot: (job: string, workerId: string) => void;
  readonly clearJobSnapshot: (job: string) => void;
  /** Worker ids by job, as they are now. */
  readonly snapshotsInProgress: () => Readonly<Record<string, string>>;
};

/** An empty store. A key and a job may have one name: they never meet. */
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
