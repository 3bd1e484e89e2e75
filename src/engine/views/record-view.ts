import { isTerminalJobState } from '../../events/states.ts';
import type { NoteKind } from '../durable/journal.ts';
import type { JobRecord, StoredTask } from '../model/job-record.ts';
import type { ClaimNote } from '../model/notes.ts';
import type { StopNote } from '../model/stopping.ts';
import { isTouched } from '../model/task-record.ts';
import {
  type ClaimView,
  compareNames,
  type Identity,
  type JobView,
  type Place,
  type Standing,
  type StopView,
  type ViewOptions,
  viewOf,
} from './job-view.ts';
import { byName, type Outline, sorted } from './outline.ts';

/** Returns a view of a job as its stored events say. @throws UnknownTaskError */
export const viewOfRecord = (
  job: Identity,
  recorded: Recorded,
  outline: readonly Outline[],
  options: ViewOptions = {},
): JobView => viewOf(job, standingOf(recorded), recordedPlaces(recorded, outline), options);

/** What events say of a job, with its notes if they can be read. `output`: returns the output of a completed task. */
export type Recorded = {
  readonly record: JobRecord;
  readonly output: (task: StoredTask) => unknown;
  readonly note?: (<Value>(task: string, kind: NoteKind) => Value | undefined) | undefined;
};

const standingOf = ({ record, note }: Recorded): Standing => {
  const { state, startedAt, endedAt, lastSeq, reason, error } = record;
  const stop = isTerminalJobState(state) ? undefined : note?.<StopNote>('', 'stop');
  return {
    state,
    startedAt,
    endedAt,
    lastSeq,
    pausedBy: state === 'paused' ? reason : undefined,
    stop: stop && stopView(stop),
    reason: state === 'cancelled' ? reason : undefined,
    error,
  };
};

const stopView = ({ to, mode, cause }: StopNote): StopView => ({ to, mode, reason: cause?.message });

/** Returns the places of the tasks of a definition, with what events say of them. `parent`: path of the task around. */
export const recordedPlaces = (recorded: Recorded, outline: readonly Outline[], parent?: string): readonly Place[] => {
  const prefix = parent === undefined ? '' : `${parent}/`;
  return grown(outline, recorded.record, prefix).map((task) => placeOf(recorded, task, prefix));
};

/** Adds the tasks that were added to the running job, and leaves out those that were removed. */
const grown = (outline: readonly Outline[], { growth }: JobRecord, prefix: string): readonly Outline[] => {
  const changes = growth.filter(({ task }) => task.startsWith(prefix) && !/[/[]/.test(task.slice(prefix.length)));
  if (changes.length === 0) return outline;
  const tasks = new Map(outline.map((task) => [task.name, task]));
  for (const { task, dependsOn } of changes) {
    const name = task.slice(prefix.length);
    // The event does not say of which kind the task is.
    if (dependsOn) tasks.set(name, { name, kind: 'task', dependsOn: sorted(dependsOn), inside: undefined });
    else tasks.delete(name);
  }
  return [...tasks.values()].sort(byName);
};

const placeOf = (recorded: Recorded, outline: Outline, prefix: string): Place => {
  const { name, inside, each } = outline;
  const path = prefix + name;
  const touched = touchedPlace(recorded, path, name, each);
  return {
    ...touched,
    ...outline,
    owner: outline.owner ?? touched.owner,
    inside: inside ? () => recordedPlaces(recorded, inside, path) : touched.inside,
  };
};

/**
 * Returns the places inside a task of which only the events tell: a fan-out, of whose instances the definition says what
 * `each` is, or a nested job that was added.
 */
const touchedInside = (recorded: Recorded, path: string, each: Outline['each']): readonly Place[] => {
  const { tasks, nested } = recorded.record;
  return [...(nested.get(path) ?? [])]
    .filter((inner) => isTouched(tasks.get(inner) as StoredTask))
    .map((inner): Place => {
      const place = touchedPlace(recorded, inner, inner.slice(path.length).replace('/', ''));
      if (!each) return place;
      const { kind, inside } = each;
      return { ...place, kind, inside: inside ? () => recordedPlaces(recorded, inside, inner) : place.inside };
    })
    .sort((a, b) => compareNames(a.name, b.name));
};

const touchedPlace = (recorded: Recorded, path: string, name: string, each?: Outline['each']): Place => {
  const record = recorded.record.tasks.get(path);
  return {
    name,
    path,
    kind: 'task',
    dependsOn: NONE,
    record,
    heldBy: recorded.note?.<string>(path, 'held'),
    owner: record?.owner,
    claim: () => record && claimIn(recorded.note?.<ClaimNote>(path, 'claim'), record),
    output: () => record && recorded.output(record),
    inside: () => touchedInside(recorded, path, each),
  };
};

/**
 * Heartbeats are not stored, so that nothing is known of the end of the lease. The events of earlier versions do not name
 * the worker, their notes do.
 */
const claimIn = (note: ClaimNote | undefined, { attempts, worker }: StoredTask): ClaimView | undefined => {
  const known = worker ?? (note?.attempt === attempts ? (note.worker ?? note.owner) : undefined);
  return known === undefined ? undefined : { worker: known, leaseEndsAt: undefined };
};

const NONE: readonly string[] = Object.freeze([]);
