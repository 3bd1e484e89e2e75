/** Which outcomes of its upstreams a task waits for. The names are Airflow's, in camelCase. */
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
 * What an upstream means to a task that waits on it. `failed`: it failed, or was skipped because of a failure further
 * up. `tolerated`: it failed and may (`continueOnFailure`). `skipped`: it was skipped for any other reason, was not
 * ready, or is a branch that picked others.
 */
export type Outcome = 'success' | 'failed' | 'tolerated' | 'skipped';

export type Tally = Readonly<Record<Outcome, number>>;

export type Verdict = 'run' | 'skip' | 'wait';

/**
 * What a rule makes of the outcomes so far, of `total` upstreams: decided as soon as no outcome still to come can change
 * it. A tolerated failure is no failure to the rules that forbid one, and is one to the rules that look for it. A task
 * without upstreams runs.
 */
export const judge = (rule: TriggerRule, tally: Tally, total: number): Verdict => {
  const { success, failed, tolerated, skipped } = tally;
  const done = success + failed + tolerated + skipped;
  const atEnd = (verdict: Verdict): Verdict => (done === total ? verdict : 'wait');
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
