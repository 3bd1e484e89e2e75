import { useCallback, useEffect, useRef, useState } from 'react';
import { AGAIN_MS, ApiError, isPassing } from './request.ts';

export type Loaded<Value> = {
  /** What came last; stays while it is asked for again. */
  readonly value: Value | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
};

/**
 * Asks when the component appears, when `key` changes, when `reload` is called, and again after a while if the server
 * could not be reached. A former answer never overtakes a later one. `key` undefined asks for nothing.
 */
export const useLoad = <Value>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<Value>,
): Loaded<Value> => {
  const [state, setState] = useState<{ key?: string; value?: Value; error?: ApiError }>({});
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks again
  useEffect(() => {
    if (key === undefined) return;
    const controller = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    latest.current(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setState({ key, value });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, 'FAILED', String(error));
        setState((before) => ({ ...(before.key === key ? before : { key }), error: known }));
        if (isPassing(known)) again = setTimeout(() => setTurn((before) => before + 1), AGAIN_MS);
      },
    );
    return () => {
      clearTimeout(again);
      controller.abort();
    };
  }, [key, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return {
    value: state.key === key ? state.value : undefined,
    error: state.key === key ? state.error : undefined,
    reload,
  };
};
