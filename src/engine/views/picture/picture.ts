import type { JobState, TaskState } from '../../../events/event.ts';
import { isoText } from '../../../events/iso-text.ts';
import type { TaskKind } from '../../definition/options.ts';
import type { Plan, TaskDefinition } from '../../definition/plan.ts';
import { PLAN } from '../../definition/sealed.ts';
import { durationText } from '../duration-text.ts';
import type { FoldInput } from '../fold.ts';
import type { GraphView } from '../graph-view.ts';
import type { JobView, ViewedTask } from '../job-view.ts';
import { stateWord } from '../palette.ts';
import { viewOfPlan } from '../view-of.ts';

/** What is drawn: tasks as columns, and what is said of each. */
export type Picture = {
  readonly name: string;
  /** Of a job. */
  readonly state?: JobState | undefined;
  readonly columns: FoldInput;
  readonly tasks: readonly PicturedTask[];
  /** The frame around the handlers of a workflow, a task of its own. */
  readonly handlers?: number | undefined;
};

export type PicturedTask = {
  readonly kind: TaskKind;
  /** Absent in the picture of a definition. */
  readonly state?: TaskState | undefined;
  /** What stands below the name, in lines. */
  readonly notes: readonly string[];
  /** What stands beside the name. */
  readonly duration: string;
  /** What is shown for a task under the pointer, in lines. */
  readonly tooltip: string;
};

type Drawn = PicturedTask & { readonly name: string; readonly dependsOn: readonly string[]; readonly parent: number };

/** Returns the picture of a job. `handlers`: names of the outermost tasks that are drawn in a frame of their own. */
export const pictureOfView = (view: JobView, handlers: Pick<ReadonlySet<string>, 'has'> = NO_NAMES): Picture => {
  const at = new Map(view.tasks.map(({ path }, index) => [path, index]));
  const drawn = view.tasks.map((task): Drawn => {
    const { path, parent = '', dependsOn, kind, state } = task;
    const prefix = parent === '' ? 0 : parent.length + (path[parent.length] === '/' ? 1 : 0);
    return {
      name: path.slice(prefix),
      dependsOn: dependsOn.map((need) => need.slice(prefix)),
      parent: parent === '' ? -1 : (at.get(parent) ?? -1),
      kind,
      state,
      notes: [],
      duration: durationOf(task),
      tooltip: tooltipOf(task),
    };
  });
  return { ...pictureOf(view.name, drawn, handlers), state: view.state };
};

/** Returns the picture of a definition, with the tasks of nested jobs. `view`: the outermost tasks, with what is noted of them. */
export const pictureOfDefinition = (tasks: readonly TaskDefinition[], view: GraphView): Picture => {
  const drawn: Drawn[] = [];
  const levels = [{ tasks, views: view.tasks, parent: -1 }];
  for (const level of levels) {
    const planOf = new Map(
      level.tasks.map(({ name, nested }) => [name, nested?.definition?.[PLAN] as Plan | undefined]),
    );
    for (const { name, kind, dependsOn, notes = [] } of level.views) {
      const tooltip = [name, ...notes].join('\n');
      const parent = level.parent;
      const task = drawn.push({ name, dependsOn, parent, kind, notes, duration: '', tooltip }) - 1;
      const plan = planOf.get(name);
      if (plan) levels.push({ tasks: plan.tasks, views: viewOfPlan(plan).tasks, parent: task });
    }
  }
  return pictureOf(view.name, drawn, new Set(view.tasks.flatMap(({ name, handler }) => (handler ? [name] : []))));
};

const pictureOf = (name: string, drawn: readonly Drawn[], handlers: Pick<ReadonlySet<string>, 'has'>): Picture => {
  const isHandler = (task: Drawn): boolean => task.parent < 0 && handlers.has(task.name);
  const frame = drawn.some(isHandler) ? drawn.length : undefined;
  const tasks = frame === undefined ? drawn : [...drawn, HANDLERS];
  const parent = tasks.map((task) => (frame !== undefined && isHandler(task) ? frame : task.parent));
  const at = new Map<string, number>();
  for (const [task, { name }] of tasks.entries()) at.set(`${parent[task]}/${name}`, task);
  const columns = {
    names: tasks.map((task) => task.name),
    parent,
    kind: tasks.map(({ kind }) => kind),
    up: tasks.map(({ dependsOn }, task) => dependsOn.flatMap((need) => at.get(`${parent[task]}/${need}`) ?? [])),
  };
  return { name, columns, tasks, handlers: frame };
};

const HANDLERS: Drawn = {
  name: 'handlers',
  dependsOn: [],
  parent: -1,
  kind: 'job',
  notes: [],
  duration: '',
  tooltip: 'handlers: they run when all other tasks are over',
};

const durationOf = ({ startedAt, endedAt }: ViewedTask): string =>
  startedAt === undefined || endedAt === undefined ? '' : durationText(endedAt - startedAt);

const tooltipOf = (task: ViewedTask): string => {
  const { path, state, attempts, startedAt, reason, error } = task;
  const duration = durationOf(task);
  return [
    path,
    `State: ${stateWord(state)}`,
    ...(startedAt === undefined ? [] : [`Started: ${isoText(startedAt)}`]),
    ...(duration === '' ? [] : [`Duration: ${duration}`]),
    ...(attempts > 1 ? [`Attempts: ${attempts}`] : []),
    ...(reason === undefined ? [] : [`Reason: ${reason}`]),
    ...(error === undefined ? [] : [`Error: ${error.message}`]),
  ].join('\n');
};

const NO_NAMES: ReadonlySet<string> = new Set();
