import { AsyncResource } from 'node:async_hooks';
import type { Message } from '../../engine/recovery/messages.ts';
import type { JobState } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { scheduledInput } from '../../workflow/schedule-problems.ts';
import { HttpProblem, problemOf } from '../http/problem.ts';
import { type Started, type StartParts, type StartRequest, startOf } from '../jobs/start-job.ts';
import type { ServiceStore } from '../store/service-store.ts';
import { decide } from './decide.ts';
import { type DueTimes, dueTimesOf } from './due-times.ts';
import { nextStep, nextStepAt, type RunningJob, type Step } from './next-step.ts';
import { DUE, isoOf, SCHEDULE, type Schedule } from './schedule.ts';
import {
  afterSetBack,
  MAX_BACKFILL,
  MAX_RECENT,
  MAX_RUNNING,
  newState,
  type Outcome,
  type Owed,
  type ScheduleState,
  timingText,
} from './schedule-state.ts';
import { type UnfinishedSource, unfinishedJobs } from './unfinished-jobs.ts';

export type RunParts = StartParts &
  UnfinishedSource & {
    readonly store: ServiceStore;
    /** Refuses while another server may have the database. @throws HttpProblem */
    readonly requireWritable: () => void;
    /** Whether nothing may be started any more. */
    readonly isClosed: () => boolean;
    readonly jobs: ScheduledJobs;
    /** Gets what became of a due time, once it is kept. */
    readonly onOutcome: (schedule: string, outcome: Outcome) => void;
    /** Gets what was not expected. */
    readonly warn: (message: string) => void;
  };

/** Whose the jobs are that are not over, so that their ends are noted without asking all schedules. */
export type ScheduledJobs = {
  /** By the id of a job. */
  readonly runsOf: Map<string, ScheduledRuns>;
  /** Those that start a job, whose id they do not know yet. */
  readonly starting: Set<ScheduledRuns>;
};

/** How long after a failure of the journal it is tried again, in ms. */
const RETRY_MS = 5_000;

/** How often it is looked whether the jobs are over that keep the next from starting, in ms. */
const BLOCKED_MS = 5_000;

/** The async context of what is due, which belongs to no request, whichever has set its timer. */
const OUTSIDE = new AsyncResource('tintype.schedules', { requireManualDestroy: true });

const NEVER = Number.POSITIVE_INFINITY;

/** What tells another process to cancel its job. */
const cancelMessage = (reason: string): string => JSON.stringify({ type: 'cancel', reason } satisfies Message);

/** The runs of one schedule. All that changes them happens one after the other. */
export class ScheduledRuns {
  readonly #parts: RunParts;
  #schedule: Schedule;
  #dues: DueTimes;
  #state: ScheduleState;
  /** The first due time that has not been decided. */
  #nextDue: number | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** The jobs that were not over when it was last looked at whether one may start. */
  #busy: readonly RunningJob[] = [];
  /** Jobs whose end was heard of, but may not be kept yet. */
  readonly #over = new Set<string>();
  /** When to look again whether they are over. */
  #blockedUntil = NEVER;
  #last: Promise<unknown> = Promise.resolve();
  #isEnded = false;
  readonly #isChanged: boolean;
  readonly #cancelled = new Set<string>();

  /** `state`: what was kept of earlier runs; undefined for a new schedule. */
  constructor(parts: RunParts, schedule: Schedule, state: ScheduleState | undefined) {
    this.#parts = parts;
    this.#schedule = schedule;
    this.#dues = dueTimesOf(schedule);
    this.#state = continued(schedule, state, parts.now());
    this.#isChanged = this.#state !== state;
    this.#nextDue = this.#dues.next(this.#state.considered);
    this.#own(this.#state.running);
  }

  get schedule(): Schedule {
    return this.#schedule;
  }

  get state(): ScheduleState {
    return this.#state;
  }

  /** Whether due times count. */
  get isActive(): boolean {
    return this.#schedule.enabled && this.#state.paused === undefined;
  }

  /** When the next job starts by its due time, without jitter. */
  get nextDue(): number | undefined {
    return this.isActive ? this.#nextDue : undefined;
  }

  /** The next `count` due times after `after`. */
  dueTimes(after: number, count: number, until = Number.POSITIVE_INFINITY): readonly number[] {
    const found: number[] = [];
    let due = this.#dues.next(after);
    for (; due !== undefined && due <= until && found.length < count; due = this.#dues.next(due)) found.push(due);
    return found;
  }

  /** When there is something to do; undefined if that depends on jobs. */
  get wakeAt(): number | undefined {
    const now = this.#parts.now();
    const step = Math.min(nextStepAt(this.#schedule, this.#state, this.#busy, now) ?? NEVER, this.#blockedUntil);
    const isSetBack = afterSetBack(this.#state, now) !== this.#state;
    const wake = isSetBack ? now : Math.min(this.nextDue ?? NEVER, step);
    // The clock was set back since if that lies further ahead.
    const retryAt = this.#retryAt > now + RETRY_MS ? now : this.#retryAt;
    return wake === NEVER ? undefined : Math.max(wake, retryAt);
  }

  /** Decides and starts what is due now. */
  look(): Promise<void> {
    return this.#inOrder(() => this.#look());
  }

  /** Takes up what another process has left: which of its jobs are over. Keeps where a new schedule begins. */
  takeUp(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#isChanged) await this.#keep(this.#state);
      for (const { jobId } of this.#state.running) {
        if (this.#parts.engine.job(jobId)) continue;
        const stored = await this.#parts.journal.job(jobId);
        if (!stored) await this.#keep({ ...this.#state, running: without(this.#state.running, jobId) });
        else if (isTerminalJobState(stored.state)) await this.#ended(jobId, stored.state);
      }
    });
  }

  /** Notes that a job is over, if it is one of this schedule. */
  jobEnded(jobId: string, state: JobState): Promise<void> {
    return this.#inOrder(async () => {
      if (!this.#state.running.some((one) => one.jobId === jobId)) return;
      await this.#ended(jobId, state);
      await this.#look();
    });
  }

  /** Goes on by another form of the schedule. */
  replace(schedule: Schedule): Promise<void> {
    return this.#inOrder(async () => {
      await this.#keep(continued(schedule, this.#state, this.#parts.now()));
      this.#schedule = schedule;
      this.#dues = dueTimesOf(schedule);
      this.#nextDue = this.#dues.next(this.#state.considered);
    });
  }

  pause(reason: string | undefined): Promise<void> {
    return this.#inOrder(() => this.#pause(reason));
  }

  /** Goes on: what was due meanwhile is left out. */
  resume(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#state.paused === undefined) return;
      const { paused: _, ...state } = this.#state;
      await this.#keep({ ...state, considered: this.#parts.now(), failures: 0 });
      this.#nextDue = this.#dues.next(this.#state.considered);
    });
  }

  /** Starts a job now, whatever runs. @throws HttpProblem */
  trigger(request: StartRequest): Promise<Started> {
    return this.#inOrder(() => {
      const due = this.#parts.now();
      return this.#startJob({ due, at: due, lane: 'due' }, undefined, request);
    });
  }

  /** Owes the jobs of due times that have passed, and starts what may start. @throws HttpProblem `INVALID_STATE` */
  backfill(dueTimes: readonly number[]): Promise<void> {
    return this.#inOrder(async () => {
      const known = new Set(this.#state.owed.map(({ due }) => due));
      const more = dueTimes.filter((due) => !known.has(due)).map((due): Owed => ({ due, at: due, lane: 'backfill' }));
      const owed = [...this.#state.owed, ...more];
      if (owed.filter(({ lane }) => lane === 'backfill').length > MAX_BACKFILL) throw tooMuch(this.#schedule.name);
      await this.#keep({ ...this.#state, owed });
      await this.#look();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** Starts nothing any more. Resolves when nothing is under way. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.idle();
    this.#own([]);
  }

  /** Says which jobs are those of this schedule. */
  #own(running: ScheduleState['running']): void {
    const { runsOf } = this.#parts.jobs;
    for (const { jobId } of this.#state.running) runsOf.delete(jobId);
    for (const { jobId } of running) runsOf.set(jobId, this);
  }

  #isClosed(): boolean {
    return this.#isEnded || this.#parts.isClosed();
  }

  #inOrder<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }

  async #keep(state: ScheduleState, outcomes: readonly Outcome[] = []): Promise<void> {
    const kept = { ...state, recent: [...state.recent, ...outcomes].slice(-MAX_RECENT) };
    const { name } = this.#schedule;
    await this.#parts.store.put({ kind: 'due', key: name, value: JSON.stringify(kept), at: this.#parts.now() });
    if (kept.running !== this.#state.running) this.#own(kept.running);
    this.#state = kept;
    for (const outcome of outcomes) this.#parts.onOutcome(name, outcome);
  }

  async #look(): Promise<void> {
    try {
      if (this.#isClosed()) return;
      this.#parts.requireWritable();
      await this.#noticeSetBack();
      if (this.nextDue !== undefined && this.nextDue <= this.#parts.now()) {
        const { state, outcomes } = decide(this.#schedule, this.#dues, this.#state, this.#parts.now());
        await this.#keep(state, outcomes);
        this.#nextDue = this.#dues.next(this.#state.considered);
      }
      while (!this.#isClosed() && (await this.#takeStep()));
    } catch (error) {
      // What is owed stays so, and is tried again.
      this.#retryAt = this.#parts.now() + RETRY_MS;
      this.#parts.warn(`The schedule "${this.#schedule.name}" is looked at again in ${RETRY_MS / 1000} s: ${error}`);
    }
  }

  /** Goes on from now if the clock was set back. */
  async #noticeSetBack(): Promise<void> {
    const state = afterSetBack(this.#state, this.#parts.now());
    if (state === this.#state) return;
    await this.#keep(state);
    this.#nextDue = this.#dues.next(state.considered);
  }

  /** Returns whether there was something to do. */
  async #takeStep(): Promise<boolean> {
    this.#blockedUntil = NEVER;
    const now = this.#parts.now();
    const isReady = this.#state.owed.some(({ at }) => at <= now);
    if (!isReady) {
      this.#busy = [];
      return false;
    }
    if (this.#schedule.overlap === 'allow') this.#over.clear();
    this.#busy =
      this.#schedule.overlap === 'allow'
        ? []
        : await unfinishedJobs(this.#parts, this.#schedule, this.#state, this.#over);
    const step = nextStep(this.#schedule, this.#state, this.#busy, now);
    // The end of a job of another process is not heard of.
    if (step === undefined || step.do === 'cancel') this.#blockedUntil = now + BLOCKED_MS;
    if (step === undefined) return false;
    if (step.do === 'cancel') return this.#cancel(step.jobs);
    if (step.do === 'start') await this.#start(step.owed);
    else await this.#settle(step.owed, { outcome: 'skipped', reason: step.reason });
    return true;
  }

  /** Cancels jobs once. What waits for their end starts then. */
  async #cancel(jobs: Extract<Step, { readonly do: 'cancel' }>['jobs']): Promise<boolean> {
    const reason = `The schedule "${this.#schedule.name}" starts the next job.`;
    for (const { jobId } of jobs) {
      if (this.#cancelled.has(jobId)) continue;
      this.#cancelled.add(jobId);
      const live = this.#parts.engine.job(jobId);
      if (live) void live.cancel(reason);
      else await this.#parts.journal.send(jobId, cancelMessage(reason));
    }
    return false;
  }

  async #start(owed: Owed): Promise<void> {
    try {
      const jobKey = `schedule:${this.#schedule.name}:${isoOf(owed.due)}`;
      await OUTSIDE.runInAsyncScope(() => this.#startJob(owed, jobKey, {}));
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      await this.#settle(owed, refusal);
      if (refusal.outcome === 'failed') await this.#count('failed', this.#state);
    }
  }

  async #startJob(owed: Owed, jobKey: string | undefined, request: StartRequest): Promise<Started> {
    const { name, definition, input } = this.#schedule;
    const due = isoOf(owed.due);
    const filledIn = input && scheduledInput(input, { name, due });
    this.#parts.jobs.starting.add(this);
    try {
      const labels = { [SCHEDULE]: name, [DUE]: due };
      const started = await startOf(this.#parts, { definition, input: filledIn, labels, jobKey }, request);
      await this.#noteStart(owed, started);
      return started;
    } finally {
      this.#parts.jobs.starting.delete(this);
    }
  }

  async #noteStart({ due, lane }: Owed, { jobId, found }: Started): Promise<void> {
    // The job of an earlier start may be over, and then will not end again.
    const isOver = found && this.#parts.engine.job(jobId) === undefined;
    const running = [...without(this.#state.running, jobId), ...(isOver ? [] : [{ jobId, due, lane }])];
    // After the clock was set back a due time may come again.
    const isKnown = this.#state.recent.some((one) => one.outcome === 'started' && one.jobId === jobId);
    const outcome = isKnown ? undefined : ({ outcome: 'started', jobId } as const);
    await this.#settle({ due }, outcome, { running: running.slice(-MAX_RUNNING) });
  }

  /** Notes what became of something owed; without an outcome if that is known. */
  async #settle(
    { due }: Pick<Owed, 'due'>,
    outcome: Omit<Outcome, 'due' | 'at'> | undefined,
    change: Partial<ScheduleState> = {},
  ): Promise<void> {
    const owed = this.#state.owed.filter((one) => one.due !== due);
    const outcomes = outcome ? [{ due, at: this.#parts.now(), ...outcome }] : [];
    await this.#keep({ ...this.#state, ...change, owed }, outcomes);
  }

  async #ended(jobId: string, state: JobState): Promise<void> {
    this.#cancelled.delete(jobId);
    this.#over.add(jobId);
    await this.#count(state, { ...this.#state, running: without(this.#state.running, jobId) });
  }

  /** Counts failures in a row. `kept`: what else has changed. */
  async #count(state: JobState, kept: ScheduleState): Promise<void> {
    const isFailure = state === 'failed' || state === 'timedOut';
    const failures = isFailure ? kept.failures + 1 : state === 'completed' ? 0 : kept.failures;
    await this.#keep({ ...kept, failures });
    const { pauseOnFailure = Number.POSITIVE_INFINITY } = this.#schedule;
    if (isFailure && failures >= pauseOnFailure && this.#state.paused === undefined)
      await this.#pause(failures === 1 ? 'A job failed.' : `${failures} jobs in a row failed.`);
  }

  async #pause(reason: string | undefined): Promise<void> {
    const at = this.#parts.now();
    const dropped = this.#state.owed.map(({ due }): Outcome => {
      return { due, at, outcome: 'skipped', reason: 'The schedule was paused.' };
    });
    await this.#keep({ ...this.#state, owed: [], paused: { at, reason } }, dropped);
  }
}

/** Goes on where another process, or another form of the schedule, ended. */
const continued = (schedule: Schedule, state: ScheduleState | undefined, now: number): ScheduleState => {
  if (state === undefined) return newState(schedule, now);
  const timing = timingText(schedule);
  if (timing === state.timing) return afterSetBack(state, now);
  return { ...state, timing, considered: now, owed: schedule.enabled ? state.owed : [] };
};

const without = (jobs: readonly RunningJob[], jobId: string): RunningJob[] => jobs.filter((one) => one.jobId !== jobId);

/** Why a job can't be started, now or later; undefined if it is worth another try. */
const refusalOf = (error: unknown): Omit<Outcome, 'due' | 'at'> | undefined => {
  const problem = problemOf(error);
  if (problem === undefined || problem.status >= 500) return undefined;
  if (problem.code === 'JOB_KEY_CONFLICT')
    return { outcome: 'skipped', reason: 'Its job was started before, with another input.' };
  return { outcome: 'failed', reason: problem.message };
};

const tooMuch = (name: string): HttpProblem =>
  new HttpProblem(
    409,
    'INVALID_STATE',
    `The schedule "${name}" would have more than ${MAX_BACKFILL} jobs to backfill: wait until those before have been started.`,
  );
