import { setImmediate } from 'node:timers/promises';

/** Lets all that follows from what has happened happen, but for what waits for time. */
export const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await setImmediate();
};

/** What a promise comes to; or that it hangs, where it has not come to anything in many turns of the event loop. */
export const soon = <Value>(promise: PromiseLike<Value>): Promise<Value | 'hangs'> =>
  Promise.race([Promise.resolve(promise), turns(2_000).then(() => 'hangs' as const)]);
