import type { TaskState } from '../../events/event.ts';
import type { TaskKind } from '../definition/options.ts';
import type { Span } from '../model/attempt-spans.ts';

/** One task as a picture shows it. */
export type TaskView = {
  readonly name: string;
  readonly kind: TaskKind;
  readonly dependsOn: readonly string[];
  /** Absent where a definition is shown. */
  readonly state?: TaskState;
  /** Attempts begun. */
  readonly attempts?: number;
  /** Epoch ms. */
  readonly startedAt?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly reason?: string | undefined;
  /** In time order. */
  readonly spans?: readonly Span[];
};

/** What every view is drawn from: the tasks of a job or a definition, in declaration order. */
export type GraphView = {
  /** The time at which a job is shown, in epoch ms: its end, once it is over. */
  readonly now?: number;
  readonly name: string;
  readonly tasks: readonly TaskView[];
};

/** Who waits on whom, by target in declaration order, then as its `dependsOn` says. */
export const edgesOf = ({ tasks }: GraphView): { readonly from: TaskView; readonly to: TaskView }[] => {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  return tasks.flatMap((to) =>
    to.dependsOn.flatMap((name) => {
      const from = byName.get(name);
      return from === undefined ? [] : [{ from, to }];
    }),
  );
};
