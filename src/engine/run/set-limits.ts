import { limitOptionProblems } from '../definition/check-options.ts';
import { mergedOptions } from '../definition/merged-options.ts';
import { throwIfInvalid } from '../definition/option-rules.ts';
import type { LimitOptions } from '../definition/options.ts';
import { optionProblem, type Problem } from '../errors/problem.ts';
import { didYouMean } from '../errors/suggest.ts';
import type { Dispatcher } from '../limits/dispatcher.ts';
import { LimitScope } from '../limits/limit-scope.ts';
import type { JobRun } from '../model/run.ts';
import { NO_POOLS, type Pools, poolProblems, withPools } from './pool-problems.ts';

/** Returns the limits of a start with those that are given now over them: pools by name. */
export const changedLimits = ({ maxConcurrency, rateLimit, pools }: LimitOptions, given: LimitOptions): LimitOptions =>
  mergedOptions({ maxConcurrency, rateLimit, pools }, given);

/** @throws OptionError */
export const requireLimits = (subject: string, given: LimitOptions, job: JobRun): void => {
  const above = job.sharesDispatcher ? job.dispatcher.top : NO_POOLS;
  const problems = (): Problem[] => [
    ...unknownPools(given, job.limitScope),
    ...poolProblems(job.plan.tasks, withPools(above, { ...job.options.pools, ...given.pools })),
  ];
  throwIfAny(subject, given, problems);
};

/** Sets the limits of a job, besides the options that it was started with. What may run now does. */
export const applyLimits = (job: JobRun, limits: LimitOptions): void => {
  const { dispatcher, plan } = job;
  job.startOptions = { ...job.startOptions, ...limits };
  job.options = mergedOptions(plan.options, job.startOptions);
  const jobs = withNested(job);
  const { top } = dispatcher;
  if (job.sharesDispatcher && job.limitScope === top) {
    const scope = new LimitScope(`the job "${plan.name}"`, job.options, top);
    for (const inner of jobs) {
      inner.limitScope.replaceParent(top, scope);
      if (inner.limitScope === top) inner.limitScope = scope;
    }
  } else {
    job.limitScope.set(job.options);
  }
  dispatcher.relimit(jobs);
};

/** Sets the limits of an engine, whose jobs these are. Returns all of them. @throws OptionError */
export const setEngineLimits = (
  dispatcher: Dispatcher,
  before: LimitOptions,
  given: LimitOptions,
  jobs: readonly JobRun[],
): LimitOptions => {
  const { top } = dispatcher;
  const limits = changedLimits(before, given);
  throwIfAny('The engine', given, () => [
    ...unknownPools(given, top),
    ...jobs.flatMap(({ plan, options }) =>
      poolProblems(plan.tasks, withPools(withPools(NO_POOLS, limits.pools), options.pools)),
    ),
  ]);
  top.set(limits);
  dispatcher.relimit(jobs.flatMap(withNested));
  return limits;
};

/** Checks what is given before the rest, which needs it to be right. */
const throwIfAny = (subject: string, given: LimitOptions, problems: () => Problem[]): void => {
  throwIfInvalid(subject, limitOptionProblems(given));
  throwIfInvalid(subject, problems());
};

const unknownPools = ({ pools = {} }: LimitOptions, known: Pools): Problem[] => {
  const names = known.poolNames();
  return Object.keys(pools).flatMap((name) => {
    if (names.includes(name)) return [];
    const hint = didYouMean(name, names) || (names.length > 0 ? ` Known are ${names.join(', ')}.` : ' There are none.');
    return optionProblem(`pools.${name}`, `There is no pool "${name}" whose limits could change.${hint}`);
  });
};

/** A job and those nested in it that run. */
const withNested = (job: JobRun): readonly JobRun[] => [
  job,
  ...[...job.active].flatMap(({ child }) => (child && !child.over ? withNested(child) : [])),
];
