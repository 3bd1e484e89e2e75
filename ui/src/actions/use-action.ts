import { useCallback, useRef, useState } from 'react';
import { ApiError } from '../api/request.ts';

export type Action = {
  /** Does it, unless it is being done: a double click is one command. */
  readonly run: () => Promise<void>;
  readonly isBusy: boolean;
  /** The server has said yes; the effect is shown once its event comes. */
  readonly isAsked: boolean;
  readonly error: string | undefined;
  readonly reset: () => void;
};

/** A command to the server. `key` is the same for a repetition whose answer was lost, so that it is done once. */
export const useAction = (perform: (key: string) => Promise<unknown>): Action => {
  const [state, setState] = useState<{ phase: 'idle' | 'busy' | 'asked'; error?: string }>({ phase: 'idle' });
  const busy = useRef(false);
  const key = useRef<string>(undefined);
  const latest = useRef(perform);
  latest.current = perform;
  const run = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    key.current ??= newKey();
    setState({ phase: 'busy' });
    try {
      await latest.current(key.current);
      key.current = undefined;
      setState({ phase: 'asked' });
    } catch (reason) {
      if (!(reason instanceof ApiError) || reason.status !== 0) key.current = undefined;
      setState({ phase: 'idle', error: refusalText(reason) });
    } finally {
      busy.current = false;
    }
  }, []);
  const reset = useCallback(() => setState({ phase: 'idle' }), []);
  return { run, isBusy: state.phase === 'busy', isAsked: state.phase === 'asked', error: state.error, reset };
};

/** Of a page that came without TLS, browsers offer no randomUUID. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const refusalText = (reason: unknown): string => {
  if (!(reason instanceof ApiError)) return String(reason);
  const problems = reason.problems.map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`));
  return [reason.message, ...problems.filter((one) => !reason.message.includes(one))].join(' ');
};
