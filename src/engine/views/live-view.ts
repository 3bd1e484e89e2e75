import { boundedErrorData } from '../../events/error-data.ts';
import type { Description } from '../definition/options.ts';
import { planInside } from '../definition/plan.ts';
import { boundedReason } from '../model/bounded-reason.ts';
import { emptyRecord } from '../model/job-record.ts';
import type { JobRun, TaskRun } from '../model/run.ts';
import type { Stop } from '../model/stopping.ts';
import { isTouched } from '../model/task-record.ts';
import { causeText } from '../run/end.ts';
import {
  type ClaimView,
  type JobView,
  type Place,
  type Standing,
  type StopView,
  type ViewOptions,
  viewOf,
} from './job-view.ts';
import { type Outline, outlineOf } from './outline.ts';
import { type Recorded, recordedPlaces, viewOfRecord } from './record-view.ts';

/** Returns a view of a job that runs or ran here, or that this process follows. @throws UnknownTaskError */
export const viewOfRun = (
  run: JobRun,
  options: ViewOptions = {},
  { labels = {}, metadata = {} }: Description = run.options,
): JobView => {
  const { id, plan, remote } = run;
  const own = { id, name: plan.name, labels, metadata };
  if (remote?.record) return viewOfRecord(own, { record: remote.record, output: outputIn }, outlineOf(plan), options);
  return viewOf(own, standingOf(run), placesIn(run), options);
};

/** The events of a job that is followed come with their outputs. */
const outputIn: Recorded['output'] = ({ output }) => output;

const standingOf = (run: JobRun): Standing => {
  const { state, over, startedAt, endedAt, pausedBy, stop, error } = run;
  const why = over && stop?.to === 'cancelled' ? causeText(stop.cause) : undefined;
  return {
    state,
    startedAt,
    endedAt,
    lastSeq: run.nextSeq - 1,
    pausedBy: state === 'paused' ? pausedBy : undefined,
    stop: stop && !over ? stopView(stop) : undefined,
    reason: why === undefined ? undefined : boundedReason(why),
    error: error && boundedErrorData(error),
  };
};

const stopView = ({ to, mode, cause }: Stop): StopView => ({
  to,
  mode,
  reason: cause === undefined ? undefined : boundedErrorData(cause).message,
});

const placesIn = (run: JobRun): readonly Place[] => {
  const { removed, tasks, pauseRequests } = run;
  if (run.isFanOut)
    return tasks.flatMap((task, index) =>
      task && isTouched(task) ? placeOf(run, instanceOutline(task), task, pauseRequests?.get(index)) : [],
    );
  return outlineOf(run.plan)
    .filter(({ index }) => !removed?.has(index))
    .map((outline) => placeOf(run, outline, tasks[outline.index], pauseRequests?.get(outline.index)));
};

const instanceOutline = ({ definition }: TaskRun): Outline => {
  const plan = planInside(definition);
  return { ...INSTANCE, kind: definition.kind ?? 'task', inside: plan && outlineOf(plan) };
};

const INSTANCE: Outline = { name: '', kind: 'task', dependsOn: Object.freeze([]), inside: undefined };

const placeOf = (run: JobRun, outline: Outline, task: TaskRun | undefined, heldBy?: string): Place => {
  const path = task?.path ?? run.pathOf(outline.name);
  const { inside } = outline;
  return {
    ...outline,
    name: task?.definition.name ?? outline.name,
    path,
    record: task,
    heldBy,
    claim: () => task && claimOf(task),
    output: () => task?.output,
    inside: () => {
      if (task?.child) return placesIn(task.child);
      return inside ? recordedPlaces(NOTHING_YET, inside, path) : NO_PLACES;
    },
  };
};

const claimOf = ({ worker, leaseEndsAt }: TaskRun): ClaimView | undefined =>
  worker === undefined ? undefined : { worker, leaseEndsAt };

const NO_PLACES: readonly Place[] = Object.freeze([]);
const NOTHING_YET: Recorded = { record: emptyRecord(), output: () => undefined };
