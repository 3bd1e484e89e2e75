import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

/**
 * How much of the engine's own work is under way in this process, of all jobs: what it asked a journal or an
 * asynchronous schema, what it put off to a later turn of the event loop. A virtual clock stands still meanwhile. Task
 * functions and other functions of the program do not count: a time limit may have to end them.
 */
let underWay = 0;

export const isWorkUnderWay = (): boolean => underWay > 0;

/** Counts a piece of work, until `workEnded` is called for it. */
export const workBegan = (): void => {
  underWay++;
};

export const workEnded = (): void => {
  underWay--;
};

/** Calls `callback` in the next turn of the event loop. Its work is under way until it has returned. */
export const inNextTurn = (callback: () => void): void => {
  workBegan();
  setImmediate(() => {
    try {
      callback();
    } finally {
      workEnded();
    }
  });
};

/**
 * Counts a piece of work, until `answer` has settled, or for PATIENCE_MS: a journal that never answers, or a schema that
 * itself waits for the clock, must stop no clock for ever. Returns `answer`.
 */
export const underWayUntil = <Answer>(answer: Promise<Answer>): Promise<Answer> => {
  let isCounted = true;
  const end = (): void => {
    clearTimeout(timer);
    if (isCounted) workEnded();
    isCounted = false;
  };
  workBegan();
  // An answer that came while the event loop was blocked is handled first.
  const timer = setTimeout(() => setImmediate(end), PATIENCE_MS).unref();
  answer.then(end, end);
  return answer;
};

/** How long an answer counts as under way, in ms of real time. */
const PATIENCE_MS = 500;
