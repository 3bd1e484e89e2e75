import type { JobEvent, Stamp, TaskLog, TaskState, TaskTransition } from '../../events/event.ts';
import { NO_TASKS } from '../../events/metrics.ts';
import { textWidth } from '../terminal/text-width.ts';

/** The graph of the file: its tasks in the order in which they were declared. */
export type LivePlan = {
  readonly names: readonly string[];
  readonly upstream: (name: string) => readonly string[];
  /** Whether somebody outside does the task: such a one waits for them while it is `ready`. Default: none is. */
  readonly isExternal?: (name: string) => boolean;
};

/** A task that has started and not ended, or one that waits for somebody outside. */
export type LiveTask = {
  readonly name: string;
  readonly isExternal: boolean;
  readonly state: TaskState;
  /** When its first attempt began, in epoch ms; an external one: when it could have. */
  readonly startedAt: number;
  readonly attempt: number;
  /** When it becomes ready again, in epoch ms. */
  readonly dueAt: number | undefined;
  /** The last line with something in it, as it was printed. */
  readonly lastLine: string;
  /** What it last said of its progress, from 0 to 1. */
  readonly fraction: number | undefined;
  /** The tasks of its nested job, or its instances: how many have been heard of, run now, have ended. */
  readonly inner: { readonly heard: number; readonly running: number; readonly ended: number };
};

/** What the live view shows, as of the last event. Read it; `recordIn` alone writes it. */
export type LiveState = {
  /** Where each task of the file stands. */
  readonly tasks: ReadonlyMap<string, TaskState>;
  readonly counts: Readonly<Record<TaskState, number>>;
  /** In the order in which they started. Nested tasks and instances are among them, under their paths. */
  readonly live: ReadonlyMap<string, LiveTask>;
  /** How many of `live` run, those left out that only wait for a nested task or an instance that runs. */
  readonly working: number;
  /** How many of `live` wait for time or for somebody outside. */
  readonly waiting: number;
  /** The columns of the widest name that was ever shown: it never shrinks, so that nothing jumps. */
  readonly nameWidth: number;
  /** In epoch ms, once it has. */
  readonly jobStartedAt: number | undefined;
  /** What tasks of the file took that completed, from their first start. */
  readonly completed: { readonly count: number; readonly totalMs: number };
};

export type LiveRecorder = {
  readonly state: LiveState;
  /** Constant work per event, however much a task prints. */
  readonly record: (event: JobEvent) => void;
  /** The last lines of the task's present attempt, at most `TAIL_LINES`. */
  readonly tailOf: (task: string) => readonly (TaskLog & Stamp)[];
};

/** How many of its last lines are shown of a task that failed. */
export const TAIL_LINES = 10;

/** Follows the events of a job. */
export const createLiveRecorder = ({ names, isExternal = () => false }: LivePlan): LiveRecorder => {
  const state = emptyState(names);
  const { tasks, counts, live } = state;

  const setTask = (name: string, to: TaskState | undefined): void => {
    const from = tasks.get(name);
    if (from !== undefined) counts[from]--;
    if (to === undefined) tasks.delete(name);
    else {
      tasks.set(name, to);
      counts[to]++;
    }
  };

  const change = (task: Recorded, change: () => void): void => {
    count(task, -1);
    change();
    count(task, 1);
  };
  const count = (task: Recorded, by: number): void => {
    if (live.get(task.name) !== task) return;
    if (isWorking(task)) state.working += by;
    else if (isWaiting(task)) state.waiting += by;
  };

  const transition = (event: TaskTransition & Stamp): void => {
    const { task: name, to, at, attempt } = event;
    if (!isInner(name)) setTask(name, to);
    const parent = live.get(parentOf(name) ?? '');
    if (parent) change(parent, () => countInner(parent.inner, event));

    const known = live.get(name);
    if (ENDED.has(to)) {
      if (!known) return;
      if (to === 'completed' && !isInner(name)) {
        state.completed.count++;
        state.completed.totalMs += at - known.startedAt;
      }
      change(known, () => live.delete(name));
      return;
    }
    if (!known && (to === 'unscheduled' || (to === 'ready' && !isExternal(name)))) return;
    const task = known ?? newTask(name, isExternal(name), at);
    if (!known) state.nameWidth = Math.max(state.nameWidth, textWidth(name));
    change(task, () => {
      live.set(name, task);
      // An external task that is claimed begins to run only then.
      if (to === 'running' && task.attempt === 0) task.startedAt = at;
      if (to === 'running' && task.attempt !== attempt) task.tail = [];
      task.state = to;
      task.attempt = attempt;
      task.dueAt = event.dueAt;
    });
  };

  const record = (event: JobEvent): void => {
    switch (event.type) {
      case 'task.log': {
        const task = live.get(event.task);
        if (!task || event.level === 'debug') return;
        if (task.tail.push(event) > TAIL_LINES) task.tail.shift();
        if (/\S/.test(event.message)) task.lastLine = event.message;
        return;
      }
      case 'task.progress': {
        const task = live.get(event.task);
        if (task) task.fraction = event.fraction;
        if (task && event.message) task.lastLine = event.message;
        return;
      }
      case 'task.transition':
        transition(event);
        return;
      case 'task.added':
        if (!isInner(event.task) && !tasks.has(event.task)) setTask(event.task, 'unscheduled');
        return;
      case 'task.removed': {
        const task = live.get(event.task);
        if (task) change(task, () => live.delete(event.task));
        setTask(event.task, undefined);
        return;
      }
      case 'job.transition':
        if (event.to === 'running') state.jobStartedAt ??= event.at;
        return;
      default:
    }
  };

  return { state, record, tailOf: (task) => live.get(task)?.tail ?? [] };
};

/** Whether it runs, and not only around something that does. */
export const isWorking = ({ state, inner }: LiveTask): boolean => state === 'running' && inner.running === 0;

/** Whether it waits for time, for somebody outside, or, having run before, for its turn. */
export const isWaiting = ({ state }: LiveTask): boolean =>
  state === 'retrying' || state === 'polling' || state === 'paused' || state === 'ready';

/** The task around a nested one or an instance: `outer` of `outer/inner`, `name` of `name[3]`. */
const parentOf = (path: string): string | undefined => {
  const end = path.endsWith(']') ? path.lastIndexOf('[') : path.lastIndexOf('/');
  return end < 0 ? undefined : path.slice(0, end);
};

/** Names hold none of these. */
const isInner = (path: string): boolean => path.includes('/') || path.endsWith(']');

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

type Recorded = Omit<Mutable<LiveTask>, 'name' | 'isExternal' | 'inner'> & {
  readonly name: string;
  readonly isExternal: boolean;
  readonly inner: Mutable<LiveTask['inner']>;
  tail: (TaskLog & Stamp)[];
};

const newTask = (name: string, isExternal: boolean, at: number): Recorded => ({
  name,
  isExternal,
  state: 'unscheduled',
  startedAt: at,
  attempt: 0,
  dueAt: undefined,
  lastLine: '',
  fraction: undefined,
  inner: { heard: 0, running: 0, ended: 0 },
  tail: [],
});

const countInner = (inner: Recorded['inner'], { from, to }: TaskTransition): void => {
  if (from === 'unscheduled') inner.heard++;
  if (from === 'running') inner.running--;
  if (to === 'running') inner.running++;
  if (ENDED.has(from)) inner.ended--;
  if (ENDED.has(to)) inner.ended++;
};

const ENDED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** How many tasks of the file have ended, however that was. */
export const endedOf = ({ counts }: LiveState): number => {
  let ended = 0;
  for (const state of ENDED) ended += counts[state];
  return ended;
};

const emptyState = (names: readonly string[]) => ({
  tasks: new Map<string, TaskState>(names.map((name) => [name, 'unscheduled'])),
  counts: { ...NO_TASKS, unscheduled: names.length },
  live: new Map<string, Recorded>(),
  working: 0,
  waiting: 0,
  nameWidth: 0,
  jobStartedAt: undefined as number | undefined,
  completed: { count: 0, totalMs: 0 },
});
