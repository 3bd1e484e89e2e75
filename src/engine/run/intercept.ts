import { isolate } from '../../events/isolate.ts';
import type { TaskScope } from '../definition/task-function.ts';
import type { Trace } from '../definition/trace.ts';
import type { JobRun, TaskRun } from '../model/run.ts';

/** Calls what performs an attempt within the interceptor of its job, if there is one. Its trace is that of the job at first. */
export const intercepted = <Scope extends TaskScope>(
  job: JobRun,
  scope: Scope & { trace?: Trace | undefined },
  run: (scope: Scope) => unknown,
): unknown => {
  const { intercept } = job;
  if (!intercept) return run(scope);
  const { kept } = outermost(job);
  if (kept) scope.trace = traceIn(kept);
  return intercept(scope, () => run(scope));
};

/** Returns the trace of a task's attempt under way, or of its job if the interceptor does not know one. */
export const traceOfAttempt = ({ job, path }: TaskRun): Trace | undefined => {
  const { kept } = outermost(job);
  return job.intercept?.attempt?.(job.id, path) ?? (kept && traceIn(kept));
};

const outermost = (job: JobRun): JobRun => (job.parent ? outermost(job.parent.job) : job);

const traceIn = ({ traceparent, tracestate }: Trace): Trace =>
  tracestate === undefined ? { traceparent } : { traceparent, tracestate };

/** Tells the interceptor that a job begins or goes on here, and keeps the trace that it returns. */
export const interceptJob = (job: JobRun): void => {
  const { intercept, options, kept } = job;
  if (!intercept?.job) return;
  const resumption = kept ? kept.resumption + 1 : 0;
  warnOnce(() => {
    const { id: jobId, plan, clock } = job;
    const trace = intercept.job?.({
      jobId,
      jobName: plan.name,
      at: clock.now(),
      ...(options.trace && { parent: options.trace }),
      ...(kept && { kept: traceIn(kept) }),
      resumption,
    });
    if (!trace) return;
    job.kept = { traceparent: trace.traceparent, tracestate: trace.tracestate, resumption };
    job.recorder?.put('', 'trace', JSON.stringify(job.kept));
  });
};

const warnOnce = isolate('The interceptor of a job');
