import type { Observable } from 'rxjs';
import type { Actor } from 'xstate';
import type { JobEvent, JobFact, JobState, JobTransition } from '../../events/event.ts';
import type { JobCommand, JobSnapshot } from '../../machines/job.ts';
import type { RetryPolicy } from '../../machines/retry.ts';
import { type TaskCommand, type taskLogic, untouchedTask } from '../../machines/task.ts';
import type { JobOptions, StartOptions } from '../definition/options.ts';
import type { Plan, TaskDefinition } from '../definition/plan.ts';
import type { Tally } from '../definition/trigger.ts';
import type { JobRecorder } from '../durable/job-recorder.ts';
import type { JobError, TaskError } from '../errors/errors.ts';
import type { Dispatcher } from '../limits/dispatcher.ts';
import type { Lane } from '../limits/lane.ts';
import type { Level } from '../limits/level.ts';
import type { Clock } from '../time/clock.ts';
import type { PausableTimer } from '../time/pausable-timer.ts';
import type { Attempt } from './attempt.ts';
import type { ContextStore } from './context.ts';
import type { CleanUp, Stop } from './stopping.ts';
import { TaskRecord } from './task-record.ts';

/** From its first attempt to its end, or to now; in ms, never below 0, even if the clock was set back. */
export const durationOf = (task: TaskRun | undefined, now: () => number): number | undefined =>
  task?.startedAt === undefined ? undefined : Math.max(0, (task.endedAt ?? now()) - task.startedAt);

/** One task within one job: its record, and what it holds while it runs. Created when something first happens to the task. */
export class TaskRun extends TaskRecord<TaskError, object> {
  declare readonly job: JobRun;
  declare readonly index: number;
  declare readonly definition: TaskDefinition;
  /** Its name in the stream: that of the tasks around it before its own. */
  declare readonly path: string;
  /** Where it stands in its job's order among tasks that are ready. */
  declare readonly place: number;
  declare readonly retry: RetryPolicy;
  /** Gone once the task has settled. */
  declare actor: Actor<typeof taskLogic> | undefined;
  /** The attempt under way. */
  declare attempt: Attempt | undefined;
  /** Where it waits for its slots, once it has been ready; none for what takes none. */
  declare lane: Lane | undefined;
  /** Whether its outcome has been counted by its downstream. */
  declare counted: boolean;
  /** The version of the context that first held the output. */
  declare version: number;
  // Absent until needed: most tasks never have these, and a task of a large job must be small.
  /** What its condition threw, so that its attempt will fail. */
  declare refusal?: { readonly thrown: unknown } | undefined;
  /** Whether its condition has been asked. */
  declare asked?: boolean;
  /** Of a branch: the direct downstream that it did not pick. */
  declare passedOver?: ReadonlySet<number> | undefined;
  /** Of an external task: who works on it. */
  declare claim?: Claim;
  /** The job that it runs, or ran last; and, until it has begun to, that of the attempt before. */
  declare child?: JobRun;
  declare earlier?: JobRun;
  /** Of a nested job or fan-out that is tried again: which of its tasks are, by path; what else it completed is used again. */
  declare reuses?: ReadonlySet<string>;
  /** The JSON of what it saved last. */
  declare checkpoint?: string | undefined;
  /** Calls off the wait of a backoff. */
  declare cancelBackoff?: (() => void) | undefined;
  declare deadlineTimer?: PausableTimer | undefined;

  constructor(job: JobRun, index: number, definition: TaskDefinition, retry: RetryPolicy) {
    super(untouchedTask(retry.maxRetries));
    this.job = job;
    this.index = index;
    this.definition = definition;
    this.path = job.pathOf(definition.name);
    this.place = (job.options.sequential ? job.plan.positions : job.plan.ranks)[index] as number;
    this.retry = retry;
    this.actor = undefined;
    this.attempt = undefined;
    this.lane = undefined;
    this.counted = false;
    this.version = 0;
  }
}

/** What the event of a task's transition says beside from and to. `text` is the JSON of the output, for the journal. */
export type TransitionDetails = {
  readonly reason?: string | undefined;
  readonly error?: TaskError | undefined;
  readonly output?: object | undefined;
  readonly text?: string | undefined;
  readonly dueAt?: number | undefined;
};

/** Who works on an external task, and the timer of its heartbeat. */
export type Claim = {
  readonly owner: string;
  readonly token: string;
  readonly leaseMs: number | undefined;
  heartbeatTimer: PausableTimer | undefined;
};

/** Whether a task runs on every way out of its job. */
export const isCleanUp = ({ definition }: TaskRun): boolean => definition.trigger === 'always';

/** Those who wait for what a task puts out. */
export type OutputWaiter = { readonly resolve: (output: unknown) => void; readonly reject: (error: unknown) => void };

/**
 * One execution of a plan: the records of the tasks, their actors and the stream, with the two ways to command an actor.
 * It decides nothing: the machines say what may happen, the reactions what to do about what has.
 */
export interface JobRun {
  readonly id: string;
  /** Grows when tasks are added to the running job: then it is its own. */
  plan: Plan;
  ownsPlan: boolean;
  options: StartOptions;
  /** What `start` alone was told. */
  readonly startOptions: StartOptions;
  readonly clock: Clock;
  readonly random: () => number;
  /** The task that this job is nested in. */
  readonly parent: TaskRun | undefined;
  readonly instances: boolean;
  readonly dispatcher: Dispatcher;
  /** The limits that hold for its tasks, and the place among the jobs that share them. */
  readonly level: Level;
  readonly order: number;
  /** That of the outermost job around it. */
  readonly rootOrder: number;
  /** What its tasks have for a priority that say nothing, beside those of other jobs. */
  readonly priority: number;
  context: ContextStore;
  /** Writes what happens to a journal, if it has one. */
  readonly recorder: JobRecorder | undefined;
  /** By declaration order; a task to which nothing has happened yet has no record. */
  readonly tasks: (TaskRun | undefined)[];
  /** Tasks that have an actor: neither unscheduled nor settled. */
  readonly active: Set<TaskRun>;
  /** For each task, how many upstreams have yet to end well. */
  readonly missing: number[];
  /** For tasks with a trigger rule of their own, what became of their upstreams so far. */
  tallies: Map<number, Tally> | undefined;
  /** Tasks taken out of the running job. */
  removed: Set<number> | undefined;
  /** Unscheduled or waiting tasks that are to be paused once they are ready, and by whom. */
  heldTasks: Map<number, string> | undefined;
  /** Ready tasks that a paused job keeps from the queue. */
  readonly parked: TaskRun[];
  /** Set while it is being left to another process: nothing new starts. */
  leaving: boolean;
  /** Set until a job that was restored goes on: does so at once. */
  wakeUp: (() => void) | undefined;
  /** Set where another process runs it: what is asked of it goes there. */
  elsewhere:
    | {
        readonly cancel: (cause: unknown, mode: 'abort' | 'drain') => void;
      }
    | undefined;
  /** Who paused it, in words; before the start it is paused as it begins. */
  pausedBy: string | undefined;
  /** Tasks settled, and how many of them failed without leave or were not ready. */
  settled: number;
  failed: number;
  notReady: number;
  /** Final task failures in time order. */
  errors: TaskError[];
  /** The machine's snapshot after the last transition. */
  snapshot: JobSnapshot;
  readonly state: JobState;
  /** Set once the job is to end before all its tasks have; and what is then left to do. */
  stop: Stop | undefined;
  cleanUp: CleanUp | undefined;
  /** The job's own time limit. */
  timer: PausableTimer | undefined;
  /** Calls off the grace of aborted attempts. */
  cancelGrace: (() => void) | undefined;
  unlinkSignal: (() => void) | undefined;
  error: JobError | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Who waits for the output of a task. */
  waiting: Map<number, OutputWaiter[]> | undefined;
  /** Who is told, at once, that the job is over. */
  onOver: (() => void) | undefined;
  /** Makes a job to which nothing has happened what it was, in another process or before it was over. */
  adopt(state: JobState, input?: object): void;
  /** What the start said of a job that turns out to be there already is overruled by what its own start said; its limits stay. */
  adoptOptions(kept: JobOptions): void;
  /** Its next event has this position. A job that is over has had its last one. */
  goOnFrom(nextSeq: number, last?: JobEvent): void;
  /** A job that was restored goes on in a later turn of the event loop, so that who awaits its handle can subscribe first. */
  sleepUntil(goOn: () => void): void;
  wakeLater(): void;
  /** Ends the waiting for a job that will not go on here. */
  abandon(): void;
  readonly nextSeq: number;
  /** Tells those who listen what happens to it in the process that runs it. */
  relay(event: JobEvent): void;
  readonly events$: Observable<JobEvent>;
  /** Resolves when the job is over, and in the journal. */
  readonly done: Promise<void>;
  /** Whether it, or a job around it, is paused. What is left to do in a job that is ending is not held up. */
  readonly paused: boolean;
  /** Whether it, or a job around it, is to end before all its tasks have. */
  readonly ending: boolean;
  /** Whether it, with the jobs around it, is being left to another process. */
  readonly isLeaving: boolean;
  /** How many tasks it has. */
  readonly size: number;
  /** What a task of this job is called in the stream. */
  pathOf(name: string): string;
  /** Delivers all that `commands` make happen after the last of them. */
  together(commands: () => void): void;
  /** Publishes what is no transition. */
  publish(fact: JobFact): void;
  readonly over: boolean;
  /** Whether it is over, and not about to be tried again. */
  readonly ended: boolean;
  frozen<Value extends object>(value: Value): Value;
  /** Sends the job a command; publishes the transition it makes, if it makes one. */
  commandJob(command: JobCommand, details?: Pick<JobTransition, 'reason' | 'error'>): boolean;
  /** Answers those who wait for the end, once it is in the journal. */
  finish(): void;
  /** Calls back once all that has happened is in the journal; at once where there is none. Where the journal fails, never. */
  whenSaved(saved: () => void): void;
  /** Sends a task a command; records and publishes the transition it makes, if it makes one. */
  commandTask(task: TaskRun, command: TaskCommand, details?: TransitionDetails): boolean;
  /** The record of a task, with an actor of its own. */
  wake(index: number): TaskRun;
  /** The record of a task. */
  known(index: number): TaskRun;
  /** Gives a task an actor, which continues from the snapshot of the task. */
  enliven(task: TaskRun): void;
  /** Gives a task that has settled an actor again, so that it can go on from there. */
  revive(task: TaskRun): void;
  /** Lets go of a task that is unscheduled again. */
  release(task: TaskRun): void;
  /** Runs a task whose turn it is. */
  run(task: unknown): void;
}
