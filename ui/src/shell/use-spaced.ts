import { useEffect, useRef } from 'react';

/** Browsers refuse more than about 100 changes of the address in 10 s. */
const EVERY_MS = 120;

/** Calls a function at most each 120 ms, the last time with the last arguments; for what follows a pointer. */
export const useSpaced = <Args extends readonly unknown[]>(
  call: (...args: Args) => void,
): ((...args: Args) => void) => {
  const latest = useRef(call);
  latest.current = call;
  const waiting = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; args: Args | undefined }>({
    timer: undefined,
    args: undefined,
  });
  useEffect(() => () => clearTimeout(waiting.current.timer), []);
  const spaced = useRef((...args: Args): void => {
    const state = waiting.current;
    if (state.timer !== undefined) {
      state.args = args;
      return;
    }
    latest.current(...args);
    const next = (): void => {
      const { args: last } = state;
      state.args = undefined;
      state.timer = last === undefined ? undefined : setTimeout(next, EVERY_MS);
      if (last !== undefined) latest.current(...last);
    };
    state.timer = setTimeout(next, EVERY_MS);
  });
  return spaced.current;
};
