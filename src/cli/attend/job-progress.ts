import { filter, Subject } from 'rxjs';
import { parentPath } from '../../engine/durable/task-path.ts';
import { emptyRecord, type JobRecord, recordEvent } from '../../engine/model/job-record.ts';
import { countStates, metrics } from '../../engine/views/metrics.ts';
import type { JobEvent, TaskState } from '../../events/event.ts';
import { isolatedObserver } from '../../events/isolate.ts';
import { recordPrinted, type Tails } from '../stored/printed-lines.ts';
import type { StoredJob } from '../stored/stored-job.ts';

export type JobProgress = {
  readonly record: JobRecord;
  readonly tails: Tails;
  /** The state of each top-level task before the first event in this process, by name. */
  readonly initial: Readonly<Record<string, TaskState>>;
  /** Returns how many top-level tasks are in each state. */
  readonly counts: () => Readonly<Record<TaskState, number>>;
  readonly event: (event: JobEvent) => void;
};

/** Collects a job's events. `names`: its top-level tasks. `history`: what happened to the job in other processes. */
export const jobProgress = (names: readonly string[], history?: Pick<StoredJob, 'record' | 'tails'>): JobProgress => {
  const { record, tails } = history ?? { record: emptyRecord(), tails: new Map() };
  const initial = initialStates(names, record);
  const events = new Subject<JobEvent>();
  let counts = countStates(initial);
  const ofFile = filter((event: JobEvent) => !('task' in event) || parentPath(event.task) === undefined);
  events.pipe(ofFile, metrics(initial)).subscribe(
    isolatedObserver('The count of tasks', ({ tasks }) => {
      counts = tasks;
    }),
  );
  return {
    record,
    tails,
    initial,
    counts: () => counts,
    event: (event) => {
      recordEvent(record, event);
      recordPrinted(tails, event);
      events.next(event);
    },
  };
};

const initialStates = (names: readonly string[], { tasks, growth }: JobRecord): JobProgress['initial'] => {
  const present = new Set(names);
  for (const { task, dependsOn } of growth) {
    if (dependsOn === undefined) present.delete(task);
    else if (parentPath(task) === undefined) present.add(task);
  }
  const states: Record<string, TaskState> = Object.create(null);
  for (const name of present) states[name] = tasks.get(name)?.state ?? 'unscheduled';
  return states;
};
