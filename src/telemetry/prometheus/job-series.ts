import { withoutNumbers } from '../../engine/durable/task-path.ts';
import type { JobState, TaskState } from '../../events/event.ts';
import { Buckets } from './buckets.ts';
import type { Distribution, SeriesLabels } from './families.ts';

/** How an attempt ended. */
export type AttemptOutcome = 'completed' | 'failed' | 'timedOut' | 'interrupted' | 'cancelled' | 'notReady';

/** The value of a label in place of those that are too many. */
export const OTHER = 'other';

/** Numbers by state or outcome; one that was never counted is absent. */
export type Numbers<Key extends string> = { [One in Key]?: number };

/** The attempts of a task in all jobs of a name. `task`: its path, without the numbers of instances. */
export type TaskSeries = { readonly task: string; readonly attempts: Numbers<AttemptOutcome> };

/** What is counted of all jobs of a name. */
export class NameSeries {
  readonly labels: SeriesLabels;
  started = 0;
  resumed = 0;
  lateResults = 0;
  conflicts = 0;
  readonly ended: Numbers<JobState> = {};
  readonly transitions: Numbers<TaskState> = {};
  readonly tasks = new Map<string, TaskSeries>();
  readonly jobDurations = new Map<JobState, Required<Distribution>>();
  readonly taskDurations: Buckets;
  readonly queueWaits: Buckets;
  readonly #bounds: readonly number[];

  constructor(name: string, bounds: readonly number[]) {
    this.labels = { job_name: name };
    this.#bounds = bounds;
    this.taskDurations = new Buckets(bounds);
    this.queueWaits = new Buckets(bounds);
  }

  /** Returns the durations of the jobs that ended in a state. */
  jobDuration(state: JobState): Buckets {
    const known = this.jobDurations.get(state);
    if (known) return known.buckets;
    const buckets = new Buckets(this.#bounds);
    this.jobDurations.set(state, { labels: { ...this.labels, state }, buckets });
    return buckets;
  }

  /** Returns the series of a task, creating it under this name. */
  task(task: string): TaskSeries {
    const known = this.tasks.get(task);
    if (known) return known;
    const series: TaskSeries = { task, attempts: {} };
    this.tasks.set(task, series);
    return series;
  }
}

export type Caps = { readonly maxNames: number; readonly maxTasks: number };

/** The series of as many names and tasks as are allowed. All others are counted under the name `other`. */
export class CappedSeries {
  /** The series of jobs whose names are too many. */
  readonly other: NameSeries;
  readonly #names = new Map<string, NameSeries>();
  readonly #bounds: readonly number[];
  readonly #caps: Caps;
  #tasks = 0;
  #usesOther = false;

  constructor(bounds: readonly number[], caps: Caps) {
    this.#bounds = bounds;
    this.#caps = caps;
    this.other = new NameSeries(OTHER, bounds);
  }

  /** The series of all names, `other` if a job was counted there. */
  get all(): readonly NameSeries[] {
    return this.#usesOther ? [...this.#names.values(), this.other] : [...this.#names.values()];
  }

  /** Returns the series of the jobs of a name. A definition that is named `other` shares the series of that name. */
  of(name: string): NameSeries {
    const known = this.#names.get(name);
    if (known) return known;
    if (name === OTHER || this.#names.size >= this.#caps.maxNames) {
      this.#usesOther = true;
      return this.other;
    }
    const series = new NameSeries(name, this.#bounds);
    this.#names.set(name, series);
    return series;
  }

  /** Returns the series of a task by its path. */
  taskOf(series: NameSeries, path: string): TaskSeries {
    const task = path.includes('[') ? withoutNumbers(path) : path;
    if (series.tasks.has(task)) return series.task(task);
    if (task === OTHER || series === this.other || this.#tasks >= this.#caps.maxTasks) return series.task(OTHER);
    this.#tasks++;
    return series.task(task);
  }
}
