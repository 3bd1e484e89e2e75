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
  'allSkipped',
  'always',
] as const;

/**
 * Outcome of an upstream for a downstream task. `failed`: also skipped because of a failure. `tolerated`: failed with
 * `continueOnFailure`. `skipped`: also not ready, or a branch that did not pick the downstream task.
 */
export type Outcome = 'success' | 'failed' | 'tolerated' | 'skipped';

/** Number of upstreams with each outcome. */
export type OutcomeCounts = Readonly<Record<Outcome, number>>;

export type Decision = 'run' | 'skip' | 'wait';

/**
 * Applies a trigger rule to the outcomes known so far of `total` upstreams. Decides as early as possible. Rules that
 * forbid failures ignore tolerated failures; rules that look for failures count them. Without upstreams, a task runs.
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
    case 'allSkipped':
      return done > skipped ? 'skip' : atEnd('run');
    case 'allDone':
    case 'always':
      return atEnd('run');
  }
};
