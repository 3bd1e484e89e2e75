import { useCallback, useEffect, useRef, useState } from 'react';
import { AGAIN_MS, type ApiError, apiErrorOf, isPassing } from './request.ts';

export type Loaded<Value> = {
  /** What came last; stays while it is asked for again. */
  readonly value: Value | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
  /** How often there was an answer or an error. */
  readonly answers: number;
};

/**
 * Asks when the component appears, when `key` changes, when `reload` is called, and again after a while if the server
 * could not be reached. A former answer never overtakes a later one. `key` undefined asks for nothing. When `again` changes it asks again, and what came before stays until then.
 */
export const useLoad = <Value>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<Value>,
  again = '',
): Loaded<Value> => {
  const [state, setState] = useState<{ key?: string; value?: Value; error?: ApiError; answers: number }>({
    answers: 0,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` and `again` ask again
  useEffect(() => {
    if (key === undefined) return;
    const controller = new AbortController();
    let later: ReturnType<typeof setTimeout> | undefined;
    latest.current(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setState(({ answers }) => ({ key, value, answers: answers + 1 }));
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const known = apiErrorOf(error);
        setState(({ answers, ...before }) => ({
          ...(before.key === key ? before : { key }),
          error: known,
          answers: answers + 1,
        }));
        if (isPassing(known))
          later = setTimeout(() => setTurn((before) => before + 1), Math.max(AGAIN_MS, known.retryAfterMs));
      },
    );
    return () => {
      clearTimeout(later);
      controller.abort();
    };
  }, [key, turn, again]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return {
    value: state.key === key ? state.value : undefined,
    error: state.key === key ? state.error : undefined,
    reload,
    answers: state.answers,
  };
};
