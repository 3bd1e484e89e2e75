import { boundedErrorData, type ErrorData, shallowErrorData } from '../../events/error-data.ts';
import type { JobState, TaskState } from '../../events/event.ts';
import { jsonSafe, jsonSafeOutput } from '../../events/json-safe.ts';
import { SETTLED } from '../../events/states.ts';
import type { TaskKind } from '../definition/options.ts';
import type { Labels } from '../durable/journal.ts';
import { UnknownTaskError } from '../errors/errors.ts';
import { knownNames } from '../errors/suggest.ts';
import { errorToShow, isBegun, type TaskRecord } from '../model/task-record.ts';
import { stepsOf } from '../run/find-task.ts';

/** A job with its tasks, as plain JSON data. Times are in epoch ms. */
export type JobView = {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly labels: Labels;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** When the job started, or was last retried. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** `seq` of the last event that the view contains; -1 before the first. */
  readonly lastSeq: number;
  /** Who paused the job. Only while the job is paused. */
  readonly pausedBy: string | undefined;
  /** How the job ends early. Only until it has ended. */
  readonly stop: StopView | undefined;
  /** The reason of a cancellation. */
  readonly reason: string | undefined;
  readonly error: ErrorData | undefined;
  /**
   * By name, each task before those inside it, instances by number. A nested job shows its tasks before it begins, a
   * fan-out those of its instances that something has happened to.
   */
  readonly tasks: readonly ViewedTask[];
};

export type StopView = {
  readonly to: 'failed' | 'timedOut' | 'cancelled';
  readonly mode: 'abort' | 'drain';
  readonly reason: string | undefined;
};

/** A task of a `JobView`. Times are in epoch ms. */
export type ViewedTask = {
  readonly path: string;
  /** Path of the nested job or fan-out around the task. */
  readonly parent: string | undefined;
  readonly kind: TaskKind;
  /** Paths of the direct upstreams, sorted. */
  readonly dependsOn: readonly string[];
  readonly state: TaskState;
  /** Number of attempts begun. */
  readonly attempts: number;
  /** When the task was last ready. */
  readonly readyAt: number | undefined;
  /** Start of the first attempt, and of the last one. */
  readonly startedAt: number | undefined;
  readonly lastStartedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** The reason of the last transition. */
  readonly reason: string | undefined;
  /** When a `retrying` or `polling` task is ready again. */
  readonly dueAt: number | undefined;
  /** Number of a sensor's checks that returned "not yet". */
  readonly polls: number | undefined;
  /** Who paused the task; `heldBy`: who requested that it pauses as soon as it is ready. */
  readonly pausedBy: string | undefined;
  readonly heldBy: string | undefined;
  /** The error of the final failure, or of the last attempt if the task has not completed. */
  readonly error: ErrorData | undefined;
  /** What the last attempt last reported. `fraction`: from 0 to 1. */
  readonly progress: { readonly fraction: number; readonly message?: string | undefined } | undefined;
  readonly claim: ClaimView | undefined;
  /** Of an external task: whom it is for. Where the job does not run, known once the task has been ready. */
  readonly owner: string | undefined;
  /** Of an external task: what whoever works on it has to know. Known only where the job runs or is followed. */
  readonly data: unknown;
  /** Of a completed task, with the option `outputs`: its output as JSON holds it, dates as text, errors without stacks. */
  readonly output: unknown;
};

/** Who works on an external task. */
export type ClaimView = {
  readonly worker: string;
  /** When the claim ends without another heartbeat. Known only where the job runs; none while the time stands still. */
  readonly leaseEndsAt: number | undefined;
};

/** Which tasks a view has. */
export type ViewOptions = {
  /** Whether tasks have their outputs. Default false. */
  readonly outputs?: boolean | undefined;
  /** Path of a task: only this task and those inside it. Default: all tasks. */
  readonly under?: string | undefined;
  /** Path of the last task of the page before. Default: from the first task. */
  readonly after?: string | undefined;
  /** Maximum number of tasks. Default: no limit. */
  readonly limit?: number | undefined;
};

/** What a definition says of a task. `name`: last step of its path, such as `ship` or `[3]`. */
export type DefinedTask = Pick<ViewedTask, 'kind'> & {
  readonly name: string;
  /** Names of the direct upstreams, sorted. */
  readonly dependsOn: readonly string[];
  /** Of an external task. The journal has neither with the definition. */
  readonly owner?: string | undefined;
  readonly data?: unknown;
};

/** A task among its siblings, for the view. */
export type Place = DefinedTask & {
  readonly path: string;
  readonly record: TaskRecord<unknown, unknown> | undefined;
  readonly heldBy: string | undefined;
  /** Returns what is known of the claim of a task whose attempt has begun. */
  readonly claim: () => ClaimView | undefined;
  /** Returns the output of a completed task. */
  readonly output: () => unknown;
  /** Returns the places inside a nested job or fan-out, in the order of the view. */
  readonly inside: () => readonly Place[];
};

/** The parts of a view that stay as they were at the start of the job, and those that follow from its events. */
export type Identity = Pick<JobView, 'id' | 'name' | 'labels' | 'metadata'>;
export type Standing = Omit<JobView, keyof Identity | 'tasks'>;

/** Returns a view of a job whose outermost tasks are at these places. @throws UnknownTaskError for an unknown `under` */
export const viewOf = (
  { id, name, labels, metadata }: Identity,
  standing: Standing,
  places: readonly Place[],
  { outputs = false, under, after, limit = Number.POSITIVE_INFINITY }: ViewOptions,
): JobView => {
  const tasks: ViewedTask[] = [];
  const collect = (level: readonly Place[], parent: string | undefined, [from, ...deeper]: readonly string[]): void => {
    for (const place of level) {
      if (tasks.length >= limit) return;
      const order = from === undefined ? 1 : compareNames(place.name, from);
      if (order < 0) continue;
      if (order > 0) tasks.push(viewedTask(place, parent, outputs));
      collect(place.inside(), place.path, order === 0 ? deeper : []);
    }
  };
  const start = under === undefined ? { level: places, parent: undefined, depth: 0 } : placeAt(name, places, under);
  collect(start.level, start.parent, after === undefined ? [] : namesIn(after).slice(start.depth));
  const plain = jsonSafe(metadata) as JobView['metadata'];
  return { id, name, labels: { ...labels }, metadata: plain, ...standing, tasks };
};

/** Compares the names of siblings: by code units, so that the order is the same everywhere; instances by number. */
export const compareNames = (a: string, b: string): number => {
  if (a.startsWith('[') && b.startsWith('[')) return numberOf(a) - numberOf(b);
  return a < b ? -1 : a > b ? 1 : 0;
};

const numberOf = (instance: string): number => Number.parseInt(instance.slice(1), 10);

/** Returns the last steps of the paths of a task and of those around it, outermost first: `a`, `b`, `[3]` for `a/b[3]`. */
const namesIn = (path: string): readonly string[] =>
  stepsOf(path).map((step) => (step.startsWith('/') ? step.slice(1) : step));

type Start = { readonly level: readonly Place[]; readonly parent: string | undefined; readonly depth: number };

/** Returns the place of a task, alone; none for an instance that nothing has happened to. @throws UnknownTaskError */
const placeAt = (jobName: string, places: readonly Place[], path: string): Start => {
  let level = places;
  let found: Place | undefined;
  let parent: string | undefined;
  const steps = stepsOf(path);
  for (const step of steps) {
    if (found) level = found.inside();
    parent = found?.path;
    const name = step.startsWith('/') ? step.slice(1) : step;
    const next = level.find((place) => place.name === name && place.path === (parent ?? '') + step);
    if (!next && found?.kind === 'map' && /^\[\d+\]$/.test(step)) return { level: [], parent, depth: 0 };
    if (!next) {
      const known = level.map((place) => place.path);
      throw new UnknownTaskError(jobName, path, knownNames(path, known));
    }
    found = next;
  }
  return { level: found ? [found] : [], parent, depth: steps.length - 1 };
};

const viewedTask = (place: Place, parent: string | undefined, withOutput: boolean): ViewedTask => {
  const { path, kind, dependsOn, heldBy, owner, data } = place;
  // A task that starts over is as one that has not begun, but for its number of attempts.
  const record = place.record?.state === 'unscheduled' ? undefined : place.record;
  const { state = 'unscheduled', startedAt, progress } = record ?? {};
  const hasSettled = SETTLED.has(state);
  return {
    path,
    parent,
    kind,
    dependsOn: parent === undefined ? dependsOn : dependsOn.map((name) => `${parent}/${name}`),
    state,
    attempts: place.record?.attempts ?? 0,
    readyAt: record?.queuedAt,
    startedAt,
    lastStartedAt: record?.lastStartedAt ?? startedAt,
    endedAt: record?.endedAt,
    reason: record?.reason,
    dueAt: finite(record?.dueAt),
    polls: record?.polls,
    pausedBy: record?.pausedBy,
    heldBy: hasSettled ? undefined : heldBy,
    error: record && errorIn(record),
    progress: progress && { ...progress },
    claim: record && isBegun(record) ? place.claim() : undefined,
    owner,
    data,
    output: withOutput && state === 'completed' ? jsonSafeOutput(place.output()) : undefined,
  };
};

/** Events say nothing of a wait without end. */
const finite = (time: number | undefined): number | undefined =>
  time !== undefined && Number.isFinite(time) ? time : undefined;

const errorIn = (record: TaskRecord<unknown>): ErrorData | undefined => {
  const shown = errorToShow(record);
  if (shown === undefined || !(shown instanceof Error)) return shown as ErrorData | undefined;
  // As in the event: the events of its upstreams have the causes.
  const toData = record.state === 'skipped' ? shallowErrorData : boundedErrorData;
  const data = DATA.get(shown) ?? toData(shown);
  DATA.set(shown, data);
  return data;
};

/** Errors as data: a view is taken often, and an error does not change. */
const DATA = new WeakMap<Error, ErrorData>();
