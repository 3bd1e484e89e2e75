/** Which outcomes of its upstreams a task requires in order to run. The names are Airflow's, in camelCase. */
export type TriggerRule = (typeof TRIGGER_RULES)[number];

export const TRIGGER_RULES = [
  'allSuccess',
  'allDone',
  'allFailed',
  'oneSuccess',
  'oneFailed',
  'oneDone',
  'noneFailed',
  'noneFailedMinOneSuccess',
  'noneSkipped',
  'always',
] as const;

/**
 * Outcome of an upstream. `failed`: it failed, or was skipped because of a failure; `tolerated`: it failed with
 * `continueOnFailure`; `skipped`: also if it was not ready, or is a branch that did not pick the waiting task.
 */
export type Outcome = 'success' | 'failed' | 'tolerated' | 'skipped';

/** Number of upstreams with each outcome. */
export type OutcomeCounts = Readonly<Record<Outcome, number>>;

export type Decision = 'run' | 'skip' | 'wait';

/**
 * Applies a trigger rule to the outcomes so far of `total` upstreams, and decides as early as possible. Rules that
 * forbid failures ignore a tolerated one; rules that look for a failure count it. Without upstreams a task runs.
 */
export const evaluateRule = (rule: TriggerRule, counts: OutcomeCounts, total: number): Decision => {
  const { success, failed, tolerated, skipped } = counts;
  const done = success + failed + tolerated + skipped;
  const atEnd = (decision: Decision): Decision => (done === total ? decision : 'wait');
  if (total === 0) return 'run';
  switch (rule) {
    case 'allSuccess':
      return failed + skipped > 0 ? 'skip' : atEnd('run');
    case 'allFailed':
      return success + skipped > 0 ? 'skip' : atEnd('run');
    case 'oneSuccess':
      return success > 0 ? 'run' : atEnd('skip');
    case 'oneFailed':
      return failed + tolerated > 0 ? 'run' : atEnd('skip');
    case 'oneDone':
      return success + failed + tolerated > 0 ? 'run' : atEnd('skip');
    case 'noneFailed':
      return failed > 0 ? 'skip' : atEnd('run');
    case 'noneFailedMinOneSuccess':
      return failed > 0 ? 'skip' : atEnd(success > 0 ? 'run' : 'skip');
    case 'noneSkipped':
      return skipped > 0 ? 'skip' : atEnd('run');
    case 'allDone':
    case 'always':
      return atEnd('run');
  }
};
