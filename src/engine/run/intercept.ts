import { isolate } from '../../events/isolate.ts';
import type { TaskScope } from '../definition/task-function.ts';
import type { JobRun } from '../model/run.ts';

/** Calls what performs an attempt within the interceptor of its job, if there is one. */
export const intercepted = <Scope extends TaskScope>(
  { intercept }: JobRun,
  scope: Scope,
  run: (scope: Scope) => unknown,
): unknown => (intercept ? intercept(scope, () => run(scope)) : run(scope));

/** Tells the interceptor that a job begins or goes on here, and keeps the trace that it returns. */
export const interceptJob = (job: JobRun): void => {
  const { intercept, options, kept } = job;
  if (!intercept?.job) return;
  const resumption = kept ? kept.resumption + 1 : 0;
  const { traceparent, tracestate } = kept ?? {};
  const before =
    traceparent === undefined ? {} : { kept: { traceparent, ...(tracestate !== undefined && { tracestate }) } };
  warnOnce(() => {
    const { id: jobId, plan, clock } = job;
    const trace = intercept.job?.({
      jobId,
      jobName: plan.name,
      at: clock.now(),
      ...(options.trace && { parent: options.trace }),
      ...before,
      resumption,
    });
    if (!trace) return;
    job.kept = { traceparent: trace.traceparent, tracestate: trace.tracestate, resumption };
    job.recorder?.put('', 'trace', JSON.stringify(job.kept));
  });
};

const warnOnce = isolate('The interceptor of a job');
