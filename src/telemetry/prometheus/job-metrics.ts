import type { Engine } from '../../engine/engine.ts';
import { runOf } from '../../engine/job.ts';
import { INTERRUPTED } from '../../engine/model/task-record.ts';
import { findTask } from '../../engine/run/find-task.ts';
import type { JobEvent, JobState, JobTransition, Stamp, TaskState, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import type { AttemptOutcome, CappedSeries, NameSeries, Numbers, TaskSeries } from './job-series.ts';

/** What an engine is asked for its jobs. */
export type JobsOf = Pick<Engine, 'jobs' | 'job'>;

/** Counts the events of an engine's jobs. */
export class JobMetrics {
  readonly series: CappedSeries;
  readonly #engine: JobsOf;
  /** The jobs that are not over, by id. */
  readonly #jobs = new Map<string, FollowedJob>();

  constructor(engine: JobsOf, series: CappedSeries) {
    this.#engine = engine;
    this.series = series;
    for (const { id, name, state } of engine.jobs) if (state !== 'idle') this.#begin(id, name);
  }

  next(event: JobEvent): void {
    const { type } = event;
    if (type === 'task.progress' || type === 'task.log') return;
    const job = this.#jobs.get(event.jobId) ?? this.#begin(event.jobId, event.jobName, event);
    if (type === 'task.transition') {
      if (!job.isElsewhere) this.#moveTask(job, event);
    } else if (type === 'job.transition') this.#moveJob(job, event);
    else if (type === 'job.resumed') this.#resume(job, event);
    else if (job.isElsewhere) return;
    else if (type === 'task.lateResult') job.series.lateResults++;
    else if (type === 'context.conflict') job.series.conflicts++;
    else if (type === 'task.added') this.#place(job, event.task, 'unscheduled');
    else if (type === 'task.removed') this.#remove(job, event.task);
  }

  /** How many jobs and tasks are in which state now, of the jobs of each name that are not over. */
  standing(): ReadonlyMap<NameSeries, Standing> {
    const standings = new Map<NameSeries, Standing>();
    for (const series of this.series.all) standings.set(series, { jobs: {}, tasks: {} });
    for (const [id, job] of this.#jobs) {
      // Handed off: another process continues it.
      if (!this.#engine.job(id)) this.#jobs.delete(id);
      else if (!job.isElsewhere) addStanding(standings.get(job.series), job);
    }
    return standings;
  }

  /**
   * Begins to follow a job. If its start was not heard, since it was resumed, retried, or begun before the metrics were,
   * its states are read from its view.
   */
  #begin(id: string, name: string, first?: JobEvent): FollowedJob {
    const job: FollowedJob = {
      series: this.series.of(name),
      state: 'idle',
      startedAt: first?.at ?? 0,
      isElsewhere: false,
      tasks: new Map(),
      counts: {},
    };
    this.#jobs.set(id, job);
    const isStart = first?.type === 'job.transition' && first.from === 'idle';
    if (!isStart) this.#read(id, job);
    else job.isElsewhere = this.#isElsewhere(id);
    return job;
  }

  /** Whether a task waits for somebody outside, who may complete it without a claim. */
  #isExternal({ jobId, task }: TaskTransition & Stamp): boolean {
    const live = this.#engine.job(jobId);
    return live !== undefined && findTask(runOf(live), task).task?.definition.kind === 'external';
  }

  /** Whether a job was left by `close`, to be resumed: what ends it here is not kept. */
  #isLeft(id: string): boolean {
    const live = this.#engine.job(id);
    return live !== undefined && runOf(live).leaving;
  }

  #isElsewhere(id: string): boolean {
    const live = this.#engine.job(id);
    return live !== undefined && runOf(live).remote !== undefined;
  }

  #read(id: string, job: FollowedJob): void {
    const live = this.#engine.job(id);
    job.isElsewhere = this.#isElsewhere(id);
    if (!live || job.isElsewhere) return;
    const { state, startedAt, tasks } = live.view();
    job.state = state;
    job.startedAt = startedAt ?? job.startedAt;
    for (const { path, state: taskState, attempts, lastStartedAt } of tasks) {
      if (taskState === 'unscheduled' && attempts === 0) continue;
      const task = this.#place(job, path, taskState);
      if (taskState === 'running') task.runningSince = lastStartedAt;
    }
  }

  #moveJob(job: FollowedJob, { jobId, from, to, at }: JobTransition & Stamp): void {
    const { series } = job;
    if (isTerminalJobState(to)) {
      this.#jobs.delete(jobId);
      if (job.isElsewhere || this.#isLeft(jobId)) return;
      if (from === 'idle') series.started++;
      series.ended[to] = (series.ended[to] ?? 0) + 1;
      series.jobDuration(to).observe(seconds(at - job.startedAt));
      return;
    }
    job.state = to;
    if (job.isElsewhere || (from !== 'idle' && !isTerminalJobState(from))) return;
    series.started++;
    job.startedAt = at;
  }

  /** This process continues the job. What another one did is not counted here. */
  #resume(job: FollowedJob, { jobId }: Stamp): void {
    if (job.isElsewhere) this.#read(jobId, job);
    if (!job.isElsewhere) job.series.resumed++;
  }

  #moveTask(job: FollowedJob, event: TaskTransition & Stamp): void {
    const { task: path, from, to, at, readyAt, worker } = event;
    const { series } = job;
    // Another process ends the attempt, and counts it.
    if (to === 'cancelled' && this.#isLeft(event.jobId)) return;
    series.transitions[to] = (series.transitions[to] ?? 0) + 1;
    const task = this.#place(job, path, to);
    if (from === 'ready' && to === 'running') {
      task.runningSince = at;
      // External tasks wait for somebody to claim them, not in a queue.
      const isQueued = readyAt !== undefined && worker === undefined && !this.#isExternal(event);
      if (isQueued) series.queueWaits.observe(seconds(at - readyAt));
    } else if (task.runningSince !== undefined && endsAttempt(event)) {
      const startedAt = task.runningSince;
      task.runningSince = undefined;
      // A check of a sensor is no attempt.
      if (to === 'polling') return;
      series.taskDurations.observe(seconds(at - startedAt));
      task.series ??= this.series.taskOf(series, path);
      const { attempts } = task.series;
      const outcome = outcomeOf(event);
      attempts[outcome] = (attempts[outcome] ?? 0) + 1;
    }
  }

  #place(job: FollowedJob, path: string, state: TaskState): FollowedTask {
    const { counts } = job;
    counts[state] = (counts[state] ?? 0) + 1;
    const known = job.tasks.get(path);
    if (known) {
      (counts[known.state] as number)--;
      known.state = state;
      return known;
    }
    const task: FollowedTask = { state, runningSince: undefined, series: undefined };
    job.tasks.set(path, task);
    return task;
  }

  #remove(job: FollowedJob, path: string): void {
    const task = job.tasks.get(path);
    if (!task) return;
    job.tasks.delete(path);
    (job.counts[task.state] as number)--;
  }
}

/** How many jobs and tasks are in which state. */
export type Standing = { readonly jobs: Numbers<JobState>; readonly tasks: Numbers<TaskState> };

/** A job that is not over. Times are in epoch ms. */
type FollowedJob = {
  readonly series: NameSeries;
  state: JobState;
  /** When it began, or was last retried. */
  startedAt: number;
  /** Whether another process runs it, which has metrics of its own. */
  isElsewhere: boolean;
  readonly tasks: Map<string, FollowedTask>;
  /** The number of its tasks by state. */
  readonly counts: Numbers<TaskState>;
};

type FollowedTask = {
  state: TaskState;
  /** Set while an attempt is under way, even if it is paused. */
  runningSince: number | undefined;
  /** Where its attempts are counted, once one has ended. */
  series: TaskSeries | undefined;
};

const addStanding = (standing: Standing | undefined, { state, counts }: FollowedJob): void => {
  if (!standing) return;
  standing.jobs[state] = (standing.jobs[state] ?? 0) + 1;
  for (const [one, count] of Object.entries(counts) as [TaskState, number][])
    standing.tasks[one] = (standing.tasks[one] ?? 0) + count;
};

/** A clock that was set back makes no negative duration. */
const seconds = (ms: number): number => Math.max(0, ms) / 1000;

/** Whether an attempt under way ends with this transition. A pause does not end it, unless it had failed. */
const endsAttempt = ({ from, to, error }: TaskTransition): boolean =>
  (from === 'running' || from === 'paused') && to !== 'running' && !(to === 'paused' && error === undefined);

const outcomeOf = ({ to, reason, error }: TaskTransition): AttemptOutcome => {
  if (to === 'completed' || to === 'notReady') return to;
  if (reason === 'timeout') return 'timedOut';
  if (to === 'ready' || reason === INTERRUPTED || error?.code === 'TASK_INTERRUPTED') return 'interrupted';
  // It has found nothing to do.
  if (to === 'skipped') return 'completed';
  return to === 'failed' || to === 'retrying' || to === 'paused' ? 'failed' : 'cancelled';
};
