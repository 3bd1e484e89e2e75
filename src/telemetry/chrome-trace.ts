/* What is told of jobs to other tools, made of their events alone. `chrome-trace.ts` makes trace files of events,
 * `stored-trace.ts` those of jobs in a journal. Apart from that, `inspect-to-file.ts` and `inspect-to-socket.ts` pass on
 * what XState reports of the actors of jobs. `peer.ts` loads optional packages. */

import { buildGraph } from '../engine/definition/graph.ts';
import { Heap } from '../engine/definition/heap.ts';
import { parentPath } from '../engine/durable/task-path.ts';
import { criticalPathOf } from '../engine/views/critical-path.ts';
import type { JobEvent, JobTransition, Stamp, TaskState, TaskTransition } from '../events/event.ts';
import { isTerminalJobState, SETTLED } from '../events/states.ts';

/**
 * A record of Chrome's Trace Event Format, as far as tintype writes it. `ts` and `dur` are in µs, `ts` since 1970.
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export type TraceRecord = {
  /** `X` a period, `b` and `e` the ends of a wait, `i` a moment, `s` and `f` the ends of an arrow, `M` a name. */
  readonly ph: 'X' | 'b' | 'e' | 'i' | 's' | 'f' | 'M';
  readonly name: string;
  readonly cat?: string;
  /** The job, from 1. */
  readonly pid: number;
  /** The lane, from 1: no two attempts of a job that run at once share one. 0 is the job itself. */
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  /** In hexadecimal: the two ends of a wait, or of an arrow, have the same. */
  readonly id?: string;
  readonly s?: 't' | 'p';
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, unknown>>;
};

/** A trace as Chrome and Perfetto read it. */
export type ChromeTrace = {
  readonly displayTimeUnit: 'ms';
  readonly traceEvents: readonly TraceRecord[];
};

export type ChromeTraceOptions = {
  /** The definitions of the jobs, found by name: arrows then show the critical path. Default: none, no arrows. */
  readonly definitions?: readonly TracedDefinition[] | undefined;
  /** Until when what has not ended is drawn, in epoch ms. Default: the time of the last event. */
  readonly now?: number | undefined;
};

/** What a trace needs of a definition; every `JobDefinition` has it. */
export type TracedDefinition = {
  readonly name: string;
  readonly tasks: readonly { readonly name: string; readonly dependsOn: readonly string[] }[];
};

/**
 * Converts the events of one job or of many to a trace for a viewer such as Perfetto. Expects the events of each job in
 * their order. Each attempt is a period in a lane; waits (`ready`, `retrying`, `polling`, `paused`), failures,
 * resumptions and late results are marked. Outputs and logs are left out. If a clock is set back, time stands still.
 * @example
 * writeFileSync('trace.json', JSON.stringify(chromeTrace(events, { definitions: [job.definition] })));
 */
export const chromeTrace = (events: Iterable<JobEvent>, options: ChromeTraceOptions = {}): ChromeTrace => {
  const trace = new Trace(options);
  for (const event of events) trace.add(event);
  trace.end();
  return { displayTimeUnit: 'ms', traceEvents: trace.take() };
};

/**
 * Yields the text of a trace in parts of about 64 KB, while the events are read: for jobs that are too large for the
 * memory. Parameters as those of `chromeTrace`.
 */
export async function* chromeTraceText(
  events: AsyncIterable<JobEvent> | Iterable<JobEvent>,
  options: ChromeTraceOptions = {},
): AsyncGenerator<string, void, void> {
  const trace = new Trace(options);
  let text = '{"displayTimeUnit":"ms","traceEvents":[';
  let comma = '\n';
  const write = (): void => {
    for (const record of trace.take()) {
      text += comma + JSON.stringify(record);
      comma = ',\n';
    }
  };
  for await (const event of events) {
    trace.add(event);
    write();
    if (text.length < PART) continue;
    yield text;
    text = '';
  }
  trace.end();
  write();
  yield `${text}\n]}\n`;
}

/** Length of a part of the text, in UTF-16 units. */
const PART = 65_536;

/** Turns events into records, job by job. */
class Trace {
  readonly #options: ChromeTraceOptions;
  readonly #jobs = new Map<string, JobTrace>();
  #records: TraceRecord[] = [];
  #lastId = 0;

  constructor(options: ChromeTraceOptions) {
    this.#options = options;
  }

  add(event: JobEvent): void {
    let job = this.#jobs.get(event.jobId);
    if (!job) {
      job = new JobTrace(this.#jobs.size + 1, event, {
        write: (record) => this.#records.push(record),
        newId: () => (++this.#lastId).toString(16),
      });
      this.#jobs.set(event.jobId, job);
    }
    job.add(event);
  }

  /** Ends what is open, and draws the arrows. */
  end(): void {
    const { definitions = [], now } = this.#options;
    for (const job of this.#jobs.values()) {
      job.end(now);
      job.drawPath(definitions.find(({ name }) => name === job.name)?.tasks ?? []);
    }
  }

  /** Returns the records since the last call. */
  take(): TraceRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }
}

type Output = { readonly write: (record: TraceRecord) => void; readonly newId: () => string };

/** A period that has begun: an attempt, until the task leaves `running`. */
type OpenAttempt = { readonly from: number; readonly lane: number; readonly args: Record<string, unknown> };

/** A task that has begun and not settled. `id`: that of its waits. */
type OpenTask = { readonly id: string; attempt?: OpenAttempt | undefined; wait?: TaskState | undefined };

/** An outer task: when it first started, and its last attempt. In µs. */
type OuterTask = { firstFrom: number; from: number; to: number; lane: number };

const JOB_LANE = 0;

/** One job of a trace. Times are in µs. */
class JobTrace {
  readonly name: string;
  readonly #pid: number;
  readonly #output: Output;
  readonly #open = new Map<string, OpenTask>();
  /** The tasks inside a nested job or fan-out whose attempts are open, by its path. */
  readonly #inside = new Map<string, Set<string>>();
  readonly #outer = new Map<string, OuterTask>();
  /** The tasks that were added while the job ran, with their dependencies. */
  readonly #added = new Map<string, readonly string[]>();
  readonly #freeLanes = new Heap<number>((a, b) => a - b);
  #lanes = 0;
  #now = Number.NEGATIVE_INFINITY;
  #from: number | undefined;
  #pause: string | undefined;

  constructor(pid: number, { jobId, jobName }: Stamp, output: Output) {
    this.name = jobName;
    this.#pid = pid;
    this.#output = output;
    this.#meta('process_name', JOB_LANE, `${jobName} (${jobId})`);
    this.#meta('thread_name', JOB_LANE, 'job');
  }

  add(event: JobEvent): void {
    this.#now = Math.max(this.#now, Math.round(event.at * 1000));
    this.#from ??= this.#now;
    if (event.type === 'task.transition') this.#moveTask(event);
    else if (event.type === 'job.transition') this.#moveJob(event);
    else if (event.type === 'task.added') this.#added.set(event.task, event.dependsOn);
    else if (event.type === 'task.removed') this.#added.delete(event.task);
    else if (event.type === 'job.resumed') this.#mark('resumed', JOB_LANE, { by: event.by });
    else if (event.type === 'task.lateResult') {
      const { task, attempt, outcome } = event;
      this.#mark(`${task} late result`, JOB_LANE, { attempt, outcome });
    } else if (event.type === 'context.conflict') {
      const { key, tasks, kept } = event;
      this.#mark(`conflict over ${key}`, JOB_LANE, { tasks, kept });
    }
  }

  /** Ends what is open at `now`, in epoch ms, or at the last event. */
  end(now = Number.NEGATIVE_INFINITY): void {
    this.#now = Math.max(this.#now, Math.round(now * 1000));
    for (const [path, task] of this.#open) {
      this.#endAttempt(path, task, { outcome: 'running' });
      this.#endWait(path, task);
    }
    if (this.#from === undefined) return;
    this.#endPause();
    this.#period(this.name, 'job', JOB_LANE, this.#from, { state: 'running' });
    this.#from = undefined;
  }

  #moveTask(event: TaskTransition & Stamp): void {
    const { task: path, from, to, attempt, reason, worker, error } = event;
    const task = this.#open.get(path) ?? { id: this.#output.newId() };
    if (from === 'running') this.#endAttempt(path, task, { outcome: to, reason, code: error?.code });
    // The attempt went with that of the enclosing task, or its process died.
    else if (task.attempt) this.#endAttempt(path, task, { outcome: 'lost' });
    this.#endWait(path, task);
    if (to === 'failed') this.#mark(`${path} failed`, this.#outer.get(path)?.lane ?? JOB_LANE, whyOf(event));
    if (to === 'unscheduled') this.#outer.delete(path);
    if (SETTLED.has(to) || to === 'unscheduled') {
      this.#open.delete(path);
      return;
    }
    this.#open.set(path, task);
    if (to === 'running') this.#beginAttempt(path, task, { attempt, worker });
    else this.#beginWait(path, task, to, { attempt, reason });
  }

  #beginAttempt(path: string, task: OpenTask, args: Record<string, unknown>): void {
    const lane = this.#freeLanes.pop() ?? this.#newLane();
    task.attempt = { from: this.#now, lane, args };
    const parent = parentPath(path);
    if (parent !== undefined) {
      const inside = this.#inside.get(parent);
      if (inside) inside.add(path);
      else this.#inside.set(parent, new Set([path]));
      return;
    }
    const outer = this.#outer.get(path);
    if (outer) Object.assign(outer, { from: this.#now, to: this.#now, lane });
    else this.#outer.set(path, { firstFrom: this.#now, from: this.#now, to: this.#now, lane });
  }

  #endAttempt(path: string, task: OpenTask, result: Record<string, unknown>): void {
    const { attempt } = task;
    if (!attempt) return;
    task.attempt = undefined;
    if (result.outcome !== 'paused') this.#endInside(path, result.outcome === 'running' ? 'running' : 'lost');
    const parent = parentPath(path);
    if (parent !== undefined) this.#inside.get(parent)?.delete(path);
    const outer = this.#outer.get(path);
    if (outer) outer.to = this.#now;
    this.#period(path, 'attempt', attempt.lane, attempt.from, { ...attempt.args, ...result });
    this.#freeLanes.push(attempt.lane);
  }

  /** Ends the attempts inside a nested job or fan-out that its own attempt leaves behind. */
  #endInside(path: string, outcome: string): void {
    for (const inner of this.#inside.get(path) ?? []) {
      const task = this.#open.get(inner);
      if (task) this.#endAttempt(inner, task, { outcome });
    }
    this.#inside.delete(path);
  }

  #newLane(): number {
    this.#lanes++;
    this.#meta('thread_name', this.#lanes, `lane ${this.#lanes}`);
    return this.#lanes;
  }

  #beginWait(path: string, task: OpenTask, state: TaskState, args: Record<string, unknown>): void {
    task.wait = state;
    this.#write({ ph: 'b', name: `${path} ${state}`, cat: 'wait', tid: JOB_LANE, id: task.id, args });
  }

  #endWait(path: string, task: OpenTask): void {
    if (!task.wait) return;
    this.#write({ ph: 'e', name: `${path} ${task.wait}`, cat: 'wait', tid: JOB_LANE, id: task.id });
    task.wait = undefined;
  }

  #moveJob(event: JobTransition & Stamp): void {
    const { from, to, reason, error } = event;
    this.#endPause();
    if (to === 'paused') {
      this.#pause = this.#output.newId();
      this.#write({ ph: 'b', name: 'job paused', cat: 'wait', tid: JOB_LANE, id: this.#pause, args: { reason } });
    } else if (isTerminalJobState(to)) {
      if (to === 'failed' || to === 'timedOut') this.#mark(`job ${to}`, JOB_LANE, whyOf(event));
      this.#period(this.name, 'job', JOB_LANE, this.#from ?? this.#now, { state: to, reason, code: error?.code });
      this.#from = undefined;
    } else if (from === 'idle' || isTerminalJobState(from)) this.#from = this.#now;
  }

  #endPause(): void {
    if (this.#pause === undefined) return;
    this.#write({ ph: 'e', name: 'job paused', cat: 'wait', tid: JOB_LANE, id: this.#pause });
    this.#pause = undefined;
  }

  /** Draws an arrow from each task of the critical path to the next. */
  drawPath(declared: TracedDefinition['tasks']): void {
    const added = [...this.#added].map(([name, dependsOn]) => ({ name, dependsOn }));
    const graph = buildGraph([...declared, ...added].filter(({ name }) => parentPath(name) === undefined));
    const tasks = graph.names.map((name) => this.#outer.get(name));
    const weights = tasks.map((task) => (task ? task.to - task.firstFrom : 0));
    const path = criticalPathOf(graph, weights).path.flatMap((index) => tasks[index] ?? []);
    for (const [at, next] of path.slice(1).entries()) {
      const before = path[at] as OuterTask;
      // An arrow belongs to the period around its end: it leaves within the last µs or, if the next task did not wait for
      // that, when the next one begins.
      const leaves = Math.min(Math.max(before.from, before.to - 1), next.from);
      if (leaves < before.from) continue;
      const arrow = { name: 'critical path', cat: 'critical path', id: this.#output.newId() };
      this.#write({ ph: 's', ...arrow, tid: before.lane, ts: leaves });
      this.#write({ ph: 'f', bp: 'e', ...arrow, tid: next.lane, ts: next.from });
    }
  }

  #period(name: string, cat: string, lane: number, from: number, args: Record<string, unknown>): void {
    this.#write({ ph: 'X', name, cat, tid: lane, ts: from, dur: this.#now - from, args });
  }

  #mark(name: string, lane: number, args: Record<string, unknown>): void {
    this.#write({ ph: 'i', name, cat: 'mark', tid: lane, s: lane === JOB_LANE ? 'p' : 't', args });
  }

  #meta(name: string, lane: number, text: string): void {
    this.#output.write({ ph: 'M', name, pid: this.#pid, tid: lane, args: { name: text } });
  }

  #write({ ph, name, cat, tid, ...rest }: Omit<TraceRecord, 'pid'>): void {
    this.#output.write({ ph, name, ...(cat && { cat }), pid: this.#pid, tid, ts: this.#now, ...rest });
  }
}

const whyOf = ({ reason, error }: TaskTransition | JobTransition): Record<string, unknown> => ({
  reason,
  code: error?.code,
  message: error?.message,
});
