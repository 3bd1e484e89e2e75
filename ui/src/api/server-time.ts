/** What to add to `performance.now()`. */
let offset: number | undefined;

/** Takes the time that an answer says, in epoch ms. */
export const hearServerTime = (now: number): void => {
  offset = now - performance.now();
};

/** The server's time in epoch ms, as far as it is known: a wrong clock of this machine does not matter. */
export const serverNow = (): number => (offset === undefined ? Date.now() : performance.now() + offset);
