import { ignore, isThenable } from '../../events/thenable.ts';

/**
 * Converts what a user's condition returned to a boolean.
 * @throws TypeError if that is a promise, which would count as true whatever it resolves to; its rejection is
 * ignored, as it would end the process
 */
export const yesOrNo = (asked: string, answer: unknown): boolean => {
  if (!isThenable(answer)) return Boolean(answer);
  ignore(answer);
  throw new TypeError(`${asked} answered a promise: expected true or false at once`);
};
