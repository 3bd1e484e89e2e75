import { parentPath } from '../../engine/durable/task-path.ts';
import type { JobRecord, StoredTask } from '../../engine/model/job-record.ts';
import type { JobEvent, Stamp, TaskLog, TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import { textWidth } from '../../events/text-width.ts';
import { logText } from './log-text.ts';

/** The tasks of the workflow file, in declaration order. */
export type LivePlan = {
  readonly names: readonly string[];
  readonly upstream: (name: string) => readonly string[];
  /** Whether a task is external, and therefore shown while it is `ready`. Default: no task is external. */
  readonly isExternal?: (name: string) => boolean;
  /** For the path of a sensor, its deadline in ms, if it has one. For any other path `undefined`. Default: no sensors. */
  readonly sensor?: (path: string) => { readonly deadlineMs: number | undefined } | undefined;
};

/** A task that has started and not settled, or an external task that is ready. */
export type LiveTask = {
  readonly path: string;
  readonly isExternal: boolean;
  /** Set for a sensor. */
  readonly sensor: { readonly deadlineMs: number | undefined } | undefined;
  readonly record: StoredTask;
  /** Start of the first attempt in this process, in epoch ms; for an unclaimed external task, when it became ready. */
  readonly since: number;
  /** The last printed line that is not blank. */
  readonly lastLine: string;
  /** The last reported progress, from 0 to 1. */
  readonly fraction: number | undefined;
};

/** What the live view shows in addition to the job's record. Only the `LiveRecorder` changes this state. */
export type LiveState = {
  readonly record: JobRecord;
  /** The live tasks by path, in order of start. Includes nested tasks and fan-out instances. */
  readonly live: ReadonlyMap<string, LiveTask>;
  /** The width of the widest name shown so far, in columns. It never shrinks, so that nothing jumps. */
  readonly nameWidth: number;
  /** Names of the top-level tasks that have not started yet, with what each depends on. */
  readonly waiting: ReadonlyMap<string, readonly string[]>;
  /** Names of the top-level tasks that have settled, in the order of their ends. */
  readonly settled: ReadonlySet<string>;
};

export type LiveRecorder = {
  readonly state: LiveState;
  /** Handles an event that `state.record` already contains. Takes constant time, however much a task prints. */
  readonly record: (event: JobEvent) => void;
  /** Returns the last lines of the task's current attempt, at most `TAIL_LINES`. */
  readonly tailOf: (path: string) => readonly (TaskLog & Stamp)[];
};

/** The number of last lines shown of a failed task. */
export const TAIL_LINES = 10;

/** Creates a recorder of a job's events. `job` is the job's record; the caller first updates it with each event. */
export const createLiveRecorder = (
  { names, upstream, isExternal = () => false, sensor = () => undefined }: LivePlan,
  job: JobRecord,
): LiveRecorder => {
  const live = new Map<string, Recorded>();
  const waiting = new Map<string, readonly string[]>();
  const settled = new Set<string>();
  const added = new Map<string, readonly string[]>();
  const state = { record: job, live, nameWidth: 0, waiting, settled };

  /** Files a top-level task with those that wait or have settled, or with neither. */
  const place = (name: string): void => {
    const to = job.tasks.get(name)?.state ?? 'unscheduled';
    const waits = (to === 'unscheduled' || to === 'ready') && !live.has(name);
    // A task that waits already keeps its place.
    if (!waits) waiting.delete(name);
    else if (!waiting.has(name)) waiting.set(name, added.get(name) ?? upstream(name));
    settled.delete(name);
    if (SETTLED.has(to)) settled.add(name);
  };

  const show = (path: string, record: StoredTask, since: number): Recorded => {
    const task: Recorded = {
      path,
      isExternal: isExternal(path),
      sensor: sensor(path),
      record,
      since,
      lastLine: '',
      fraction: undefined,
      tail: [],
    };
    live.set(path, task);
    state.nameWidth = Math.max(state.nameWidth, textWidth(path));
    return task;
  };
  for (const [path, record] of job.tasks) {
    const isOfFile = parentPath(path) === undefined;
    if (isOfFile && record.state === 'ready' && isExternal(path)) show(path, record, record.firstReadyAt ?? job.lastAt);
  }

  for (const name of names) place(name);
  for (const { task, dependsOn } of job.growth) {
    if (parentPath(task) !== undefined) continue;
    if (dependsOn === undefined) waiting.delete(task);
    else {
      added.set(task, dependsOn);
      place(task);
    }
  }

  const transition = (path: string, from: TaskState, to: TaskState, at: number): void => {
    const record = job.tasks.get(path);
    if (!record || SETTLED.has(to)) {
      live.delete(path);
      return;
    }
    const known = live.get(path);
    if (!known && (to === 'unscheduled' || (to === 'ready' && !isExternal(path)))) return;
    const task = known ?? show(path, record, at);
    task.record = record;
    // The time of an external task counts from its first claim.
    if (task.isExternal && to === 'running' && from === 'ready' && record.attempts === 1) task.since = at;
    if (to === 'running' && task.tail[0]?.attempt !== record.attempts) task.tail = [];
  };

  const record = (event: JobEvent): void => {
    const task = 'task' in event ? live.get(event.task) : undefined;
    switch (event.type) {
      case 'task.transition':
        transition(event.task, event.from, event.to, event.at);
        if (parentPath(event.task) === undefined) place(event.task);
        return;
      case 'task.added':
        if (parentPath(event.task) !== undefined) return;
        added.set(event.task, event.dependsOn);
        place(event.task);
        return;
      case 'task.removed':
        live.delete(event.task);
        waiting.delete(event.task);
        settled.delete(event.task);
        return;
      case 'task.log':
        if (!task || event.level === 'debug') return;
        if (task.tail.push(event) > TAIL_LINES) task.tail.shift();
        if (/\S/.test(event.message) || event.data !== undefined) task.lastLine = logText(event);
        return;
      case 'task.progress':
        if (!task) return;
        task.fraction = event.fraction;
        if (event.message) task.lastLine = event.message;
        return;
      default:
    }
  };

  return { state, record, tailOf: (path) => live.get(path)?.tail ?? [] };
};

type Recorded = { -readonly [Key in keyof LiveTask]: LiveTask[Key] } & { tail: (TaskLog & Stamp)[] };

/** The live tasks. `working`: those that run without a running nested task or instance. */
export type Working = { readonly tasks: readonly LiveTask[]; readonly working: ReadonlySet<LiveTask> };

export const activeTasks = ({ live }: LiveState): Working => {
  const tasks = [...live.values()];
  const running = tasks.filter(({ record }) => record.state === 'running');
  const parents = new Set(running.map(({ path }) => parentPath(path)));
  return { tasks, working: new Set(running.filter(({ path }) => !parents.has(path))) };
};

/** Returns whether a live task waits: for a time, for completion from outside, for a resume or for a slot. */
export const isWaiting = ({ record: { state } }: LiveTask): boolean =>
  state === 'retrying' || state === 'polling' || state === 'paused' || state === 'ready';

/** Returns how many nested tasks or instances of a task have begun or settled, and how many have settled. */
export const childCountsOf = (
  { nested, tasks }: JobRecord,
  path: string,
): { readonly heard: number; readonly ended: number } => {
  const paths = [...(nested.get(path) ?? [])];
  return {
    heard: paths.length,
    ended: paths.filter((inner) => SETTLED.has(tasks.get(inner)?.state ?? 'ready')).length,
  };
};
