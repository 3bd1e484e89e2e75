/** The word for a state, as it is read. */
export const wordOf = (state: string): string =>
  state === 'notReady' ? 'not ready' : state === 'timedOut' ? 'timed out' : state;

/** The states of jobs, in the order in which the list offers them. */
export const JOB_STATES_SHOWN = [
  'running',
  'paused',
  'idle',
  'draft',
  'failed',
  'timedOut',
  'notReady',
  'cancelled',
  'completed',
] as const;
