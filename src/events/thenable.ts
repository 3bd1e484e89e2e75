/** Whether a value is a promise or thenable, of any realm or library. Never throws. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
};

/** Ignores the rejection of a promise that nobody awaits. Otherwise the rejection would end the process. */
export const ignoreRejection = (value: unknown): void => {
  if (isThenable(value)) Promise.resolve(value).catch(() => {});
};

/** Ignores the rejections of all promises in a list. */
export const ignoreRejections = (values: readonly unknown[]): void => {
  for (const value of values) ignoreRejection(value);
};
