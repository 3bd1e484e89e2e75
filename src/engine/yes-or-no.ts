/** A user's yes or no. A promise would count as yes, whatever it resolves to, and its rejection would end the process. */
export const yesOrNo = (asked: string, answer: unknown): boolean => {
  if (!(answer instanceof Promise)) return Boolean(answer);
  answer.catch(() => {});
  throw new TypeError(`${asked} answered a promise: expected true or false at once`);
};
