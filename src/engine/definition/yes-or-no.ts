import { ignore, isThenable } from '../../events/thenable.ts';

/** A user's yes or no. A promise would count as yes, whatever it resolves to, and its rejection would end the process. */
export const yesOrNo = (asked: string, answer: unknown): boolean => {
  if (!isThenable(answer)) return Boolean(answer);
  ignore(answer);
  throw new TypeError(`${asked} answered a promise: expected true or false at once`);
};
