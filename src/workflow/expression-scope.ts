import type { TaskOutcome, TaskScope } from '../engine/definition/task-function.ts';
import type { ItemScope } from '../engine/definition/task-spec.ts';
import type { Mask } from '../executors/mask/mask.ts';
import type { OutputGate } from '../executors/process/output-gate.ts';
import type { Variables } from './env-files.ts';
import type { ExpressionScope } from './expression.ts';
import { mapValues } from './map-values.ts';
import type { Workflow } from './schema.ts';
import type { UpToDateOptions } from './up-to-date.ts';
import { whyNoOutput } from './why-no-output.ts';

/** What all tasks of a file share. */
export type BuildContext = UpToDateOptions & {
  /** The path of the file, or the name of a text without one. */
  readonly file: string;
  readonly workflow: Pick<Workflow, 'name' | 'defaults' | 'max_output_bytes' | 'path' | 'tasks' | 'handlers'>;
  /** For the tasks of a job that stands in the file: the workflow, and the jobs around, the innermost first. */
  readonly outer?: readonly Pick<Workflow, 'tasks' | 'handlers'>[] | undefined;
  /** The directory that relative paths start from, and in which commands run. */
  readonly directory: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** What expressions read as `env`. */
  readonly env: Variables;
  /** What commands get of the files of `env_file`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly mask: Mask;
  readonly gate?: OutputGate | undefined;
  readonly killGraceMs?: number | undefined;
};

/** The scope of an attempt. In a fan-out it has an item and its index. */
export type Scope = TaskScope & Partial<ItemScope>;

/** Returns the values of the variables that expressions may read, in an attempt or a condition. */
export const expressionScope = (
  scope: Pick<Scope, 'ctx' | 'tasks' | 'jobId' | 'taskName' | 'outcome'> & Partial<Scope>,
  { workflow, outer = [], secrets, env }: Pick<BuildContext, 'workflow' | 'outer' | 'secrets' | 'env'>,
): ExpressionScope => ({
  ctx: scope.ctx,
  env,
  tasks: () => mapValues(scope.tasks, shownOutcome),
  params: scope.ctx.params ?? {},
  secrets,
  item: scope.item ?? null,
  index: scope.index ?? null,
  task: { name: scope.taskName, attempt: scope.attempt ?? 0 },
  whyAbsent: (key) => whyNoOutput(key, [workflow, ...outer]),
  job: {
    id: scope.jobId,
    name: workflow.name,
    get state() {
      return scope.outcome.state;
    },
    get error() {
      return scope.outcome.error?.message ?? null;
    },
  },
});

/** What expressions read of another task: `tasks.build.state`. `duration` is in ms. */
const shownOutcome = ({ state, error, attempts, durationMs }: TaskOutcome): object => ({
  state,
  error: error?.message ?? null,
  attempts,
  duration: durationMs ?? null,
});
