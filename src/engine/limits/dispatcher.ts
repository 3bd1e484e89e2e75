import type { Clock } from '../time/clock.ts';
import { compareTasks, Lane } from './lane.ts';
import { type JobLimits, Level, limitsAnything } from './level.ts';
import type { QueuedTask as Queued } from './queued-task.ts';
import type { RateLimit } from './rate-limit.ts';

type TaskRun = Queued<Lane>;

/** Hands slots to the tasks that wait for them, of one job and those nested in it, or of all jobs of an engine. */
export class Dispatcher {
  readonly top: Level;
  readonly #clock: Clock;
  /** Where anybody waits: for a slot of the top's concurrency, among others; and where none of those is needed. */
  readonly #lanes: Lane[] = [];
  #slotless: Lane[] | undefined;
  /** Where what takes no slot waits its turn: nested jobs and fan-outs, whose own tasks take theirs. */
  #free: Lane | undefined;
  /** Whether any task has waited for a rate, and the rates for which a timer waits. */
  #rated = false;
  #timed: Set<RateLimit> | undefined;
  #jobs = 0;

  constructor(clock: Clock, owner: string, options: JobLimits) {
    this.#clock = clock;
    this.top = new Level(owner, options, undefined);
  }

  /** The limits of a job below a level: that level itself where the job sets none of its own. */
  levelBelow(above: Level, owner: string, options: JobLimits): Level {
    return limitsAnything(options) ? new Level(owner, options, above) : above;
  }

  /** Numbers the jobs in the order of their start. */
  nextJob(): number {
    return this.#jobs++;
  }

  /** Lets a ready task wait for its slots. */
  enqueue(task: TaskRun): void {
    task.lane ??= this.#laneOf(task);
    task.lane.push(task);
    if (!task.lane.listed) this.#list(task.lane, task.definition.nested !== undefined);
    this.#rated ||= task.lane.rated;
  }

  /** Runs whoever comes first, as far as the limits allow. */
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

  /** Where anybody may run. In a busy engine that is most of the time nowhere, however many wait. */
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

  /** Takes out the lanes where nobody waits any more. */
  #unlist(): void {
    for (const lanes of [this.#lanes, this.#slotless ?? []]) {
      let kept = 0;
      for (const lane of lanes) if (lane.listed) lanes[kept++] = lane;
      lanes.length = kept;
    }
  }

  /** Who runs next where tasks of several slots wait: nobody takes slots of a limit that one which comes first waits for. */
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

const NOWHERE: readonly Lane[] = Object.freeze([]);
