/* This folder shows what a definition or job looks like; views only read. `view-of.ts` converts a definition or job to
 * the plain data of `graph-view.ts`. From this data, `dot.ts` and `mermaid.ts` draw the graph,
 * `gantt.ts` draws the times on the axis of `time-axis.ts`, and `frontier.ts` finds where a job has stopped.
 * `mermaid-text.ts`, `duration-text.ts` and `task-notes.ts` format text. `job-view.ts` shows a job with all its tasks as data: of a run by
 * `live-view.ts`, of records by `record-view.ts`, both with the tasks of the definition (`outline.ts`). `explain.ts` says why a task is not running, `explain-slots.ts`
 * which limits it waits for. `metrics.ts` counts events. `work.ts` has the tasks of a job as they stand, of a stored
 * one by `planned-outline.ts`: of these `progress.ts` says how far the job is (`remaining.ts`: how long the rest takes; `watch-progress.ts`: again and again), and
 * `critical-path.ts` which path is the longest.
 * `fold.ts` makes few boxes of many tasks, `layout.ts` places them, for the web UI and for `picture/svg.ts`, which draws them in the colours of `palette.ts`
 * (`cell-grid.ts`, `edge-path.ts`: places of cells and lines). `unfinished-logs.ts` shows the last lines of attempts that go on. */

import type { TaskState } from '../../events/event.ts';
import type { TaskKind } from '../definition/options.ts';
import type { Span } from '../model/attempt-spans.ts';

export type TaskView = {
  readonly name: string;
  readonly kind: TaskKind;
  readonly dependsOn: readonly string[];
  /** Kind, condition, trigger rule, pool and so on, in words. Only in the view of a definition. */
  readonly notes?: readonly string[];
  /** Whether the task is a handler of a workflow: it is drawn apart, since it waits for all other tasks. Then `dependsOn` has handlers only. */
  readonly handler?: boolean;
  /** Absent in the view of a definition. */
  readonly state?: TaskState;
  readonly attempts?: number;
  /** Start of the first attempt, in epoch ms. */
  readonly startedAt?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly reason?: string | undefined;
  /** Waits in the queue and the attempts that followed, in time order. */
  readonly spans?: readonly Span[];
};

/** The data that every view is drawn from. Tasks are in declaration order. */
export type GraphView = {
  /** Time that the view shows, in epoch ms: now or, if the job is over, its end. Absent for a definition. */
  readonly now?: number;
  readonly name: string;
  readonly tasks: readonly TaskView[];
  /** The names of the tasks on the critical path, in its order. Absent where none is marked. */
  readonly critical?: readonly string[];
};

/** Returns whether an edge is a part of the critical path. */
export const criticalEdges = ({ critical = [] }: GraphView): ((from: TaskView, to: TaskView) => boolean) => {
  const next = new Map(critical.map((name, index) => [name, critical[index + 1]]));
  return (from, to) => next.get(from.name) === to.name;
};

/** Returns the dependencies as edges, in the declaration order of `to`, then in the order of its `dependsOn`. */
export const edgesOf = ({ tasks }: GraphView): { readonly from: TaskView; readonly to: TaskView }[] => {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  return tasks.flatMap((to) =>
    to.dependsOn.flatMap((name) => {
      const from = byName.get(name);
      return from === undefined ? [] : [{ from, to }];
    }),
  );
};
