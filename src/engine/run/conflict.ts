import { isOrdered } from '../definition/graph.ts';
import type { Overlap } from '../model/context.ts';
import type { JobRun } from '../model/run.ts';
import { stopJob } from './shutdown.ts';

/** Reports keys that two tasks wrote in no fixed order. With `contextConflict: 'error'`, also fails the job. */
export const reportConflicts = (job: JobRun, overlaps: readonly Overlap[]): void => {
  const { graph, order, positions } = job.plan;
  for (const { key, positions: pair } of overlaps) {
    const first = order[pair[0]] as number;
    const second = order[pair[1]] as number;
    if (isOrdered(first, second, graph.upstream, positions)) continue;
    const tasks = [job.pathOf(graph.names[first] as string), job.pathOf(graph.names[second] as string)] as const;
    job.publish({ type: 'context.conflict', key, tasks, kept: tasks[1] });
    if (job.options.contextConflict === 'error')
      stopJob(job, { to: 'failed', mode: 'abort', conflict: { key, tasks } });
  }
};
