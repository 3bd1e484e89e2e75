import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import { parentPath, withoutNumbers } from '../../engine/durable/task-path.ts';
import { INTERRUPTED } from '../../engine/model/task-record.ts';
import type { ErrorData } from '../../events/error-data.ts';
import type { JobEvent, JobTransition, Stamp, TaskTransition } from '../../events/event.ts';
import { isTerminalJobState, SETTLED } from '../../events/states.ts';
import { api } from './api.ts';
import { timeOf } from './span-context.ts';

/** A task that is neither unscheduled nor settled: its span, and that of its attempt, if one is under way. */
export type TracedTask = {
  readonly span: Span;
  /** The attempt under way. */
  attempt: Span | undefined;
  /** Whether the number of that attempt is known. */
  isNumbered: boolean;
  /** The last attempt that ended: the next one links to it. */
  before: SpanContext | undefined;
};

type Stamped = TaskTransition & Pick<Stamp, 'at'>;

export type JobStart = {
  readonly jobId: string;
  readonly jobName: string;
  /** In epoch ms. */
  readonly at: number;
  /** How often the job was continued before, by another process or by a retry. */
  readonly resumption: number;
};

/** The open spans of a job in this process. Times are in epoch ms. */
export class TracedJob {
  readonly jobId: string;
  /** When the job's current span began. */
  since: number;
  /** Whether an event of the job has been received. */
  isHeard = false;
  readonly #tracer: Tracer;
  readonly #name: string;
  readonly #attributes: Attributes;
  /** When the job began or was resumed in this process, and the context of its first span here. */
  readonly #begun: number;
  readonly #first: Context;
  readonly #isResumed: boolean;
  readonly #base: Context;
  /** The job's current span, and the context with it. */
  #span: Span;
  #context: Context;
  #parts = 1;
  /** The last event: handles of a job that another process of this engine's journal runs repeat its events. */
  #seq = -1;
  readonly #tasks = new Map<string, TracedTask>();
  /** The last attempts of tasks that ended without success, which may be retried. */
  readonly #ended = new Map<string, SpanContext>();

  /** `base`: the context of the call that starts the job. */
  constructor(tracer: Tracer, span: Span, base: Context, { jobId, jobName, at, resumption }: JobStart) {
    this.jobId = jobId;
    this.since = at;
    this.#tracer = tracer;
    this.#name = `job ${jobName}`;
    this.#attributes = { 'tintype.job.id': jobId, 'tintype.job.name': jobName };
    this.#begun = at;
    this.#isResumed = resumption > 0;
    this.#base = base;
    this.#span = span;
    this.#context = this.#contextWith(span);
    this.#first = this.#context;
  }

  /** Returns the span of a task's attempt under way. */
  attemptOf(task: string): Span | undefined {
    return this.#tasks.get(task)?.attempt;
  }

  /** Follows an event. Returns whether the job is over. */
  follow(event: JobEvent): boolean {
    this.isHeard = true;
    if (event.type === 'task.transition') {
      if (this.#isNew(event)) this.#moveTask(event);
    } else if (event.type === 'job.transition' && this.#isNew(event)) return this.#moveJob(event);
    return false;
  }

  /** Ends the job's span and begins another one that links to it, so that what a long job did is shown while it runs. */
  split(at: number): void {
    const before = this.#span;
    before.setAttribute('tintype.job.state', 'running');
    before.end(timeOf(at));
    this.#parts++;
    this.#span = this.#tracer.startSpan(
      this.#name,
      {
        startTime: timeOf(at),
        attributes: { ...this.#attributes, 'tintype.job.part': this.#parts },
        links: [{ context: before.spanContext() }],
      },
      this.#first,
    );
    this.#context = this.#contextWith(this.#span);
    this.since = at;
  }

  /** Ends all spans that are open, of a job of which no more is heard here. */
  end(at: number): void {
    const time = timeOf(at);
    for (const { span, attempt } of this.#tasks.values()) {
      attempt?.end(time);
      span.end(time);
    }
    this.#tasks.clear();
    this.#ended.clear();
    this.#span.end(time);
  }

  #isNew({ seq }: JobEvent): boolean {
    if (seq <= this.#seq) return false;
    this.#seq = seq;
    return true;
  }

  #moveJob({ from, to, at, reason, error }: JobTransition & Pick<Stamp, 'at'>): boolean {
    if (!isTerminalJobState(to)) {
      if (from !== 'idle' && !isTerminalJobState(from)) addEvent(this.#span, to, at, reason);
      return false;
    }
    this.#span.setAttribute('tintype.job.state', to);
    if (reason !== undefined) this.#span.setAttribute('tintype.reason', reason);
    if (error && (to === 'failed' || to === 'timedOut')) setError(this.#span, error);
    this.end(at);
    return true;
  }

  #moveTask(event: Stamped): void {
    const { task: path, from, to, at, reason, error, owner } = event;
    const isNew = from === 'unscheduled' || SETTLED.has(from);
    // Skipped, reused or reset: no work begins that a span could show.
    if (isNew && to !== 'ready') return;
    const task = isNew ? this.#openTask(path, at) : (this.#tasks.get(path) ?? this.#underWay(event));
    if (to === 'running' && !(from === 'paused' && task.attempt)) {
      this.#openAttempt(path, task, event);
      return;
    }
    // A pause does not end the attempt, unless it failed.
    const goesOn = to === 'running' || (from === 'running' && to === 'paused' && !error);
    if (!goesOn) endAttempt(task, event);
    if (SETTLED.has(to)) {
      this.#endTask(path, task, event);
      return;
    }
    addEvent(task.span, to, at, reason);
    if (owner !== undefined) task.span.setAttribute('tintype.owner', owner);
  }

  #openTask(path: string, at: number): TracedTask {
    const stale = this.#tasks.get(path);
    if (stale) endTask(stale, at);
    const attributes = { ...this.#attributes, 'tintype.task.name': path };
    const options = { startTime: timeOf(at), attributes };
    const span = this.#tracer.startSpan(`task ${withoutNumbers(path)}`, options, this.#contextOf(path));
    const task = { span, attempt: undefined, isNumbered: true, before: this.#ended.get(path) };
    this.#ended.delete(path);
    this.#tasks.set(path, task);
    return task;
  }

  /** Returns the context of the attempt that a task of a nested job or fan-out belongs to; of others that of the job. */
  #contextOf(path: string): Context {
    const around = parentPath(path);
    if (around === undefined) return this.#context;
    const known = this.#tasks.get(around);
    if (!this.#isResumed) return known ? this.#contextWith(known.attempt ?? known.span) : this.#context;
    // It was under way when the job was resumed, and no event has told of it yet.
    const outer = known ?? this.#openTask(around, this.#begun);
    if (!outer.attempt) {
      outer.attempt = this.#startAttempt(around, outer, this.#begun, undefined, {});
      outer.isNumbered = false;
    }
    return this.#contextWith(outer.attempt);
  }

  /** Opens the spans of a task that was under way when the job was resumed in this process. */
  #underWay({ task: path, from, to, reason, attempt }: TaskTransition): TracedTask {
    const task = this.#openTask(path, this.#begun);
    const goesOn = from === 'running' && reason !== INTERRUPTED;
    if (goesOn && to !== 'running') task.attempt = this.#startAttempt(path, task, this.#begun, attempt, {});
    return task;
  }

  #openAttempt(path: string, task: TracedTask, event: Stamped): void {
    const { at, attempt, readyAt, worker } = event;
    task.attempt?.end(timeOf(at));
    const about: Attributes = {};
    if (readyAt !== undefined) about['tintype.queue_wait_ms'] = Math.max(0, at - readyAt);
    if (worker !== undefined) about['tintype.worker'] = worker;
    task.attempt = this.#startAttempt(path, task, at, attempt, about);
    task.isNumbered = true;
  }

  /** `number`: undefined if it is not known yet. */
  #startAttempt(path: string, task: TracedTask, at: number, number: number | undefined, about: Attributes): Span {
    const attributes: Attributes = { ...this.#attributes, 'tintype.task.name': path, ...about };
    if (number !== undefined) attributes['tintype.attempt'] = number;
    return this.#tracer.startSpan(
      number === undefined ? UNNUMBERED : `attempt ${number}`,
      { startTime: timeOf(at), attributes, ...(task.before && { links: [{ context: task.before }] }) },
      this.#contextWith(task.span),
    );
  }

  #endTask(path: string, task: TracedTask, event: Stamped): void {
    const { to, at, error, reason, tolerated } = event;
    const { span, before } = task;
    span.setAttribute('tintype.task.state', to);
    if (reason !== undefined) span.setAttribute('tintype.reason', reason);
    if (tolerated) span.setStatus({ code: api.SpanStatusCode.OK });
    else if (error && to === 'failed') setError(span, error);
    span.end(timeOf(at));
    this.#tasks.delete(path);
    if (to !== 'completed' && before) this.#ended.set(path, before);
  }

  #contextWith(span: Span): Context {
    return api.trace.setSpan(this.#base, span);
  }
}

/** The name of an attempt that began in another process, until its own events tell its number. */
const UNNUMBERED = 'attempt';

/** Ends the attempt that an event is the end of, if its span is open. An error is noted at the task if it is not. */
const endAttempt = (task: TracedTask, { to, at, error, attempt: number }: Stamped): void => {
  const { attempt, span } = task;
  if (error) addException(attempt ?? span, error, at);
  if (!attempt) return;
  if (!task.isNumbered) attempt.updateName(`attempt ${number}`).setAttribute('tintype.attempt', number);
  attempt.setAttribute('tintype.task.state', to);
  if (error) setError(attempt, error);
  attempt.end(timeOf(at));
  task.before = attempt.spanContext();
  task.attempt = undefined;
};

const endTask = ({ span, attempt }: TracedTask, at: number): void => {
  attempt?.end(timeOf(at));
  span.end(timeOf(at));
};

const addEvent = (span: Span, name: string, at: number, reason: string | undefined): void => {
  span.addEvent(name, reason === undefined ? undefined : { 'tintype.reason': reason }, timeOf(at));
};

const setError = (span: Span, { code, name, message }: ErrorData): void => {
  span.setAttribute('error.type', code ?? name);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
};

/** Adds the event that OpenTelemetry's conventions have for what was thrown. */
const addException = (span: Span, error: ErrorData, at: number): void => {
  const { name, message, stack } = error.cause ?? error;
  const attributes: Attributes = { 'exception.type': name, 'exception.message': message };
  if (stack !== undefined) attributes['exception.stacktrace'] = stack;
  span.addEvent('exception', attributes, timeOf(at));
};
