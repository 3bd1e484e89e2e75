const waiting = new WeakMap<AbortSignal, Waiting>();

type Waiting = { readonly callbacks: Set<(reason: unknown) => void>; readonly listener: () => void };

/**
 * Calls `callback` once, with the reason, when the signal aborts; never if the signal has aborted already. Returns a
 * function that removes the callback. Callbacks share one listener, because Node 20 warns at more than ten.
 */
export const onAbort = (signal: AbortSignal | undefined, callback: (reason: unknown) => void): (() => void) => {
  if (!signal) return () => {};
  const { callbacks, listener } = waiting.get(signal) ?? listenTo(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener('abort', listener);
    waiting.delete(signal);
  };
};

const listenTo = (signal: AbortSignal): Waiting => {
  const callbacks: Waiting['callbacks'] = new Set();
  const listener = (): void => {
    for (const callback of callbacks) callback(signal.reason);
  };
  signal.addEventListener('abort', listener, { once: true });
  waiting.set(signal, { callbacks, listener });
  return { callbacks, listener };
};
