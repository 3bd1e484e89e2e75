import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/request.ts';

export type Action = {
  /** Does it, unless it is being done: a double click is one command. Resolves to whether the server has said yes. */
  readonly run: () => Promise<boolean>;
  readonly isBusy: boolean;
  /** The server has said yes; the effect is shown once its event comes. Until then, for a few seconds, it can't be asked again. */
  readonly isAsked: boolean;
  readonly error: string | undefined;
  /** Forgets what came of it, once its button has gone. */
  readonly reset: () => void;
};

/**
 * A command to the server. `key` is the same for a repetition whose answer was lost, so that it is done once. `state` is what
 * the command is to change: once that is another, the command has come into force, or has lost its sense.
 */
export const useAction = (perform: (key: string) => Promise<unknown>, state = ''): Action => {
  const [asked, setAsked] = useState<{ phase: 'idle' | 'busy' | 'asked'; error?: string }>(IDLE);
  const busy = useRef(false);
  const key = useRef<string>(undefined);
  const latest = useRef({ perform, state });
  latest.current = { perform, state };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another state is what it waits for
  useEffect(() => setAsked((before) => (before.phase === 'busy' ? before : IDLE)), [state]);
  const run = useCallback(async () => {
    if (busy.current) return false;
    busy.current = true;
    key.current ??= newKey();
    const before = latest.current.state;
    setAsked({ phase: 'busy' });
    try {
      await latest.current.perform(key.current);
      key.current = undefined;
      setAsked(before === '' || before !== latest.current.state ? IDLE : { phase: 'asked' });
      return true;
    } catch (reason) {
      if (!(reason instanceof ApiError) || reason.status !== 0) key.current = undefined;
      setAsked({ phase: 'idle', error: refusalText(reason) });
      return false;
    } finally {
      busy.current = false;
    }
  }, []);
  useEffect(() => {
    if (asked.phase !== 'asked') return;
    const timer = setTimeout(() => setAsked(IDLE), ASKED_MS);
    return () => clearTimeout(timer);
  }, [asked.phase]);
  const reset = useCallback(() => setAsked((now) => (now.phase === 'busy' ? now : IDLE)), []);
  return { run, isBusy: asked.phase === 'busy', isAsked: asked.phase === 'asked', error: asked.error, reset };
};

const IDLE = { phase: 'idle' } as const;
/** What has changed nothing by then may be asked again. */
const ASKED_MS = 4000;

/** Of a page that came without TLS, browsers offer no randomUUID. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Why it was not done, with all that the server has to say of it. */
export const refusalText = (reason: unknown): string => {
  if (!(reason instanceof ApiError)) return reason instanceof Error ? reason.message : String(reason);
  const problems = reason.problems.map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`));
  return [reason.message, ...problems.filter((one) => !reason.message.includes(one))].join(' ');
};
