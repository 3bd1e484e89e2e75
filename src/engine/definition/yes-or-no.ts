import { ignoreRejection, isThenable } from '../../events/thenable.ts';

/** Converts a condition's result to a boolean. @throws TypeError for a promise, whose rejection is ignored */
export const yesOrNo = (asked: string, answer: unknown): boolean => {
  if (!isThenable(answer)) return Boolean(answer);
  ignoreRejection(answer);
  throw new TypeError(`${asked} answered a promise: expected true or false at once`);
};
