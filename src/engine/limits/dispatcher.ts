import type { Clock } from '../clock.ts';
import type { JobRun } from '../job-run.ts';
import type { LimitOptions } from '../options.ts';
import type { TaskRun } from '../task-run.ts';
import { compareTasks, Lane } from './lane.ts';
import { Level, limitsAnything } from './level.ts';
import type { RateLimit } from './rate-limit.ts';

/** Hands slots to the tasks that wait for them, of one job and those nested in it, or of all jobs of an engine. */
export class Dispatcher {
  readonly top: Level;
  readonly #clock: Clock;
  #lanes: Lane[] = [];
  /** Where what takes no slot waits its turn: nested jobs and fan-outs, whose own tasks take theirs. */
  #free: Lane | undefined;
  /** Whether any lane has a rate, and the rates for which a timer waits. */
  #rated = false;
  #timed: Set<RateLimit> | undefined;
  #jobs = 0;

  constructor(clock: Clock, owner: string, options: LimitOptions) {
    this.#clock = clock;
    this.top = new Level(owner, options, undefined, this.#addLane);
  }

  /** The limits of a job below a level: that level itself where the job sets none of its own. */
  levelBelow(above: Level, owner: string, options: LimitOptions): Level {
    return limitsAnything(options) ? new Level(owner, options, above, this.#addLane) : above;
  }

  /** Numbers the jobs in the order of their start. */
  nextJob(): number {
    return this.#jobs++;
  }

  laneOf({ definition, job }: TaskRun): Lane {
    if (!definition.nested) return job.level.lane(definition.pool);
    if (this.#free) return this.#free;
    const lane = new Lane([]);
    this.#free = lane;
    this.#addLane(lane);
    return lane;
  }

  /** Runs whoever comes first, as far as the limits allow. */
  dispatch(): void {
    for (let task = this.#next(); task !== undefined; task = this.#next())
      task.job.commandTask(task, { type: 'task.run' });
  }

  /** Lets go of what was kept for a job that is over. */
  leave({ level, parent }: JobRun): void {
    if (level !== (parent?.job.level ?? this.top)) {
      const gone = new Set(level.lanes());
      this.#lanes = this.#lanes.filter((lane) => !gone.has(lane));
    }
    if (this.#timed) this.#awaitRates(this.#clock.now());
  }

  readonly #addLane = (lane: Lane): void => {
    this.#lanes.push(lane);
    this.#rated ||= lane.limits.some(({ kind }) => kind === 'rateLimit');
  };

  #next(): TaskRun | undefined {
    const now = this.#rated ? this.#clock.now() : 0;
    let best: TaskRun | undefined;
    let large: TaskRun[] | undefined;
    for (const lane of this.#lanes) {
      const task = lane.peek();
      if (!task) continue;
      if (!lane.isOpen(task, now)) {
        if ((task.definition.slots ?? 1) > 1) large = [...(large ?? []), task];
      } else if (!best || compareTasks(task, best) < 0) {
        best = task;
      }
    }
    if (best && large) best = this.#besideLarge(large, now);
    if (best) best.lane?.pop();
    else if (this.#rated) this.#awaitRates(now);
    return best;
  }

  /** Who runs next where tasks of several slots wait: nobody takes slots of a limit that one which comes first waits for. */
  #besideLarge(large: readonly TaskRun[], now: number): TaskRun | undefined {
    const open = this.#lanes
      .map((lane) => lane.peek())
      .filter((task): task is TaskRun => task?.lane?.isOpen(task, now) === true)
      .sort(compareTasks);
    return open.find((task) =>
      large.every((other) => {
        if (compareTasks(task, other) < 0) return true;
        return !other.lane?.obstacles(other, now).some((limit) => task.lane?.limits.includes(limit));
      }),
    );
  }

  /** Looks again when the next start is allowed, as long as anybody waits for that. */
  #awaitRates(now: number): void {
    this.#timed ??= new Set();
    const awaited = new Set<RateLimit>();
    for (const lane of this.#lanes) {
      const task = lane.peek();
      for (const limit of task ? lane.obstacles(task, now) : []) if (limit.kind === 'rateLimit') awaited.add(limit);
    }
    for (const rate of this.#timed) if (!awaited.has(rate)) this.#disarm(rate);
    for (const rate of awaited) if (!this.#timed.has(rate)) this.#arm(rate, now);
  }

  #arm(rate: RateLimit, now: number): void {
    this.#timed?.add(rate);
    const lookAgain = (): void => {
      this.#timed?.delete(rate);
      this.dispatch();
    };
    rate.cancelTimer = this.#clock.setTimer(lookAgain, Math.max(0, rate.freeAt() - now));
  }

  #disarm(rate: RateLimit): void {
    this.#timed?.delete(rate);
    rate.cancelTimer?.();
  }
}
