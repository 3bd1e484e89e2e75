/** Whether a value answers later: a promise, of whatever realm or library. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
};

/** Lets a promise that nobody waits for fail in silence; its rejection would end the process. */
export const ignore = (value: unknown): void => {
  if (isThenable(value)) Promise.resolve(value).catch(() => {});
};
