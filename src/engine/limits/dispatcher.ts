/* This folder decides which ready task runs next; it knows of a job only what `queued-task.ts` declares. `limit.ts`
 * is a semaphore, `rate-limit.ts` limits starts within a period, `level.ts` holds the limits of one engine or job,
 * `lane.ts` is a queue of ready tasks that need the same limits. `dispatcher.ts` adds a ready task to its queue; when
 * slots may be free, it compares the first tasks of all queues and runs the first whose limits have room. Slots are
 * acquired and released as the running job records transitions. */

import type { Clock } from '../time/clock.ts';
import { compareTasks, Lane } from './lane.ts';
import { type JobLimits, Level, limitsAnything } from './level.ts';
import type { QueuedTask as Queued } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';

type TaskRun = Queued<Lane>;

/** Gives slots to waiting tasks: those of one job and the jobs nested in it, or of all jobs of an engine. */
export class Dispatcher {
  readonly top: Level;
  readonly #clock: Clock;
  /**
   * The queues in which tasks wait: first those whose tasks need a slot of the top level's concurrency, if it is
   * limited; then those of nested jobs and fan-outs, which need none.
   */
  readonly #lanes: Lane[] = [];
  #slotless: Lane[] | undefined;
  /** Queue of nested jobs and fan-outs in jobs that are not sequential; the tasks inside them take slots. */
  #free: Lane | undefined;
  /** Whether any task ever waited for a rate limit; the rate limits for which a timer is set. */
  #rated = false;
  #timed: Set<RateLimit> | undefined;
  #jobs = 0;

  constructor(clock: Clock, owner: string, options: JobLimits) {
    this.#clock = clock;
    this.top = new Level(owner, options, undefined);
  }

  /** Returns the limits of a job below `above`: `above` itself if the job sets none. */
  levelBelow(above: Level, owner: string, options: JobLimits): Level {
    return limitsAnything(options) ? new Level(owner, options, above) : above;
  }

  nextJob(): number {
    return this.#jobs++;
  }

  enqueue(task: TaskRun): void {
    task.lane ??= this.#laneOf(task);
    task.lane.push(task);
    if (!task.lane.listed) this.#list(task.lane, task.definition.nested !== undefined);
    this.#rated ||= task.lane.rated;
  }

  /** Runs waiting tasks in order, as far as the limits allow. */
  dispatch(): void {
    for (let task = this.#next(); task !== undefined; task = this.#next()) task.job.run(task);
  }

  #laneOf({ definition, job }: TaskRun): Lane {
    if (!definition.nested) return job.level.lane(definition.pool);
    this.#free ??= new Lane([]);
    return job.level.turns ?? this.#free;
  }

  #next(): TaskRun | undefined {
    const now = this.#rated ? this.#clock.now() : 0;
    let best: TaskRun | undefined;
    let large: TaskRun[] | undefined;
    let emptied = false;
    for (const lane of this.#open()) {
      const task = lane.peek();
      if (!task) {
        lane.listed = false;
        emptied = true;
        continue;
      }
      if (!lane.isOpen(task, now)) {
        if ((task.definition.slots ?? 1) > 1) large = [...(large ?? []), task];
      } else if (!best || compareTasks(task, best) < 0) {
        best = task;
      }
    }
    if (emptied) this.#unlist();
    if (best && large) best = this.#besideLarge(large, now);
    if (best) best.lane?.pop();
    else if (this.#rated) this.#awaitRates(now);
    return best;
  }

  /** Returns the queues whose tasks may run. With the top level full, as in a busy engine, they are few. */
  #open(): readonly Lane[] {
    const slotless = this.#slotless ?? NOWHERE;
    if (this.top.isFull) return slotless;
    return slotless.length === 0 ? this.#lanes : [...slotless, ...this.#lanes];
  }

  #list(lane: Lane, slotless: boolean): void {
    lane.listed = true;
    if (!slotless) {
      this.#lanes.push(lane);
      return;
    }
    this.#slotless ??= [];
    this.#slotless.push(lane);
  }

  #unlist(): void {
    for (const lanes of [this.#lanes, this.#slotless ?? []]) {
      let kept = 0;
      for (const lane of lanes) if (lane.listed) lanes[kept++] = lane;
      lanes.length = kept;
    }
  }

  /**
   * Chooses the next task while tasks that need several slots wait. To keep those from starving, a task is skipped if
   * it uses a limit that blocks such a task which comes before it.
   */
  #besideLarge(large: readonly TaskRun[], now: number): TaskRun | undefined {
    const open = [...this.#open()]
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

  /** Sets a timer for each rate limit that blocks a queue's first task, and cancels those no longer needed. */
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

const NOWHERE: readonly Lane[] = Object.freeze([]);
