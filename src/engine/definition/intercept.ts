import type { TaskScope } from './task-function.ts';
import type { Trace } from './trace.ts';

/** The start of a job, or of its continuation by another process or by a retry. */
export type InterceptedJob = {
  readonly jobId: string;
  readonly jobName: string;
  /** Now, in epoch ms of the job's clock. */
  readonly at: number;
  /** The start option `trace`: the trace of whoever starts the job. */
  readonly parent?: Trace | undefined;
  /** What the function returned for the job before, in this process or in an earlier one. */
  readonly kept?: Trace | undefined;
  /** How often the job has been continued since `kept` was first returned; 0 at a start. */
  readonly resumption: number;
};

/**
 * A function around the function of each attempt, in nested jobs and fan-outs too, and around the `over` of a fan-out. It
 * has to call `run` and to return its result: what it returns or throws is the attempt's. It may set `scope.trace`.
 * Subscribers of the events have received `running` before.
 */
export type Intercept = {
  (scope: TaskScope & { trace?: Trace | undefined }, run: () => unknown): unknown;
  /**
   * Called before anything of a job happens in this process, in the async context of the call that starts the job. What
   * it returns is kept with the job, in its journal too, for the next call. If it throws, the process warns.
   */
  readonly job?: ((job: InterceptedJob) => Trace | undefined) | undefined;
  /** Returns the trace of the attempt that is under way, which whoever claims an external task gets. */
  readonly attempt?: ((jobId: string, task: string) => Trace | undefined) | undefined;
};
