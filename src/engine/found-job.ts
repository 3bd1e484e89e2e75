import { type ErrorData, errorData, shallowErrorData } from '../events/error-data.ts';
import type { JobState, TaskState } from '../events/event.ts';
import { isTerminalJobState } from '../events/states.ts';
import { viewOptionProblems } from './definition/check-options.ts';
import { throwIfInvalid } from './definition/option-rules.ts';
import type { DamagedJob, Journal, JournalJob, Labels } from './durable/journal.ts';
import { readStored } from './durable/read-stored.ts';
import { decode } from './durable/serialise.ts';
import { parentPath } from './durable/task-path.ts';
import type { TaskError } from './errors/errors.ts';
import type { JobRun } from './model/run.ts';
import type { TaskRecord } from './model/task-record.ts';
import { type JobHistory, loadHistory } from './recovery/job-history.ts';
import { decodeOptions } from './recovery/stored-options.ts';
import { causeText } from './run/end.ts';
import type { Clock } from './time/clock.ts';
import type { JobView, ViewOptions } from './views/job-view.ts';
import { viewOfRun } from './views/live-view.ts';
import { type Outline, outlineIn } from './views/outline.ts';
import { planOfOutline } from './views/planned-outline.ts';
import { AT_THE_END, type JobProgress, progressOf } from './views/progress.ts';
import { viewOfRecord } from './views/record-view.ts';
import { recordedWork, type Work, workOf } from './views/work.ts';

/** A job as `engine.list` returns it. Times are in epoch ms. */
export type JobSummary = {
  readonly id: string;
  readonly name: string;
  /** The `jobKey` of the start. */
  readonly key: string | undefined;
  readonly state: JobState;
  /** Which process runs the job: this or another. `nowhere`: the job is over, or its process has died. */
  readonly runs: 'here' | 'elsewhere' | 'nowhere';
  readonly labels: Labels;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  /** When the job started, or was last retried. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** The id of the job whose results this job reuses. */
  readonly forkedFrom: string | undefined;
};

/** A page of a list of jobs. */
export type JobPage = {
  readonly jobs: readonly JobSummary[];
  /** The option `cursor` of the next page; `undefined` on the last page. */
  readonly cursor: string | undefined;
  /** Jobs among those of the page that the journal can't read. */
  readonly damaged: readonly DamagedJob[];
};

/** A job as `engine.find` returns it, with its tasks: plain data, and methods that copies and JSON leave out. */
export type FoundJob = JobSummary & {
  readonly input: Readonly<Record<string, unknown>>;
  /** Why the job is in its state, such as the reason of a cancellation. */
  readonly reason: string | undefined;
  readonly error: ErrorData | undefined;
  /**
   * The tasks by their paths: `outer/inner`, `name[3]`. Of nested jobs and fan-outs, only those that something has
   * happened to.
   */
  readonly tasks: Readonly<Record<string, FoundTask>>;
  /** Returns the job with its tasks as plain JSON data; see `job.view`. @throws OptionError, UnknownTaskError */
  readonly view: (options?: ViewOptions) => JobView;
  /** Returns how far the job is; see `job.progress$`. Of a job that no process runs, as it was when it was left. */
  readonly progress: () => JobProgress;
};

export type FoundTask = {
  readonly state: TaskState;
  /** Number of attempts begun. */
  readonly attempts: number;
  /** Start of the first attempt, in epoch ms. */
  readonly startedAt: number | undefined;
  /** In epoch ms. */
  readonly endedAt: number | undefined;
  readonly reason: string | undefined;
  /** The error of the final failure, or of the last attempt if the task has not completed. */
  readonly error: ErrorData | undefined;
  /** What the task put into the context: of a fan-out, or a nested job without `output`, an object with its name as key. */
  readonly output: unknown;
};

/** Returns a stored job without its tasks. */
export const summaryOf = (job: JournalJob, runs: JobSummary['runs']): JobSummary => ({
  id: job.id,
  name: job.name,
  key: job.key,
  state: job.state,
  runs,
  labels: job.labels,
  metadata: readStored(job.id, 'its metadata', () => decode(job.metadata)) as JobSummary['metadata'],
  createdAt: job.createdAt,
  startedAt: job.startedAt,
  endedAt: job.endedAt,
  forkedFrom: job.forkedFrom,
});

/** Returns a stored job as its events say. @throws JournalError */
export const foundInJournal = async (
  journal: Journal,
  stored: JournalJob,
  runs: JobSummary['runs'],
  clock: Pick<Clock, 'now'>,
): Promise<FoundJob> => {
  const history = await loadHistory(journal, stored);
  const { record } = history;
  const { state, startedAt, endedAt, reason, error } = record;
  const outline = outlineIn(await journal.shape(stored.fingerprint));
  const tasks = new Map(outline.map(({ name }) => [name, UNTOUCHED] as const));
  for (const { task, dependsOn } of record.growth) {
    if (!dependsOn) tasks.delete(task);
    else if (parentPath(task) === undefined) tasks.set(task, UNTOUCHED);
  }
  for (const [path, task] of record.tasks) tasks.set(path, storedTask(task, history));
  const summary = summaryOf(stored, runs);
  const found = {
    ...summary,
    state,
    startedAt,
    endedAt,
    input: history.input as FoundJob['input'],
    reason,
    error,
    tasks: Object.fromEntries(tasks),
  };
  const now = (): number => (runs === 'elsewhere' ? clock.now() : record.lastAt);
  return withMethods(
    found,
    (options) => viewOfRecord(summary, history, outline, options),
    () => progressOf(workOfHistory(history, outline), now()),
  );
};

const workOfHistory = ({ job, record, note }: JobHistory, outline: readonly Outline[]): Work => {
  const known = new Map(note<readonly (readonly [string, number])[]>('', 'estimates'));
  return recordedWork(planOfOutline(job.name, outline), {
    record,
    history: known,
    options: readStored(job.id, 'its options', () => decodeOptions(job.options)),
  });
};

/** The methods are not enumerable, so that the rest can be copied and compared as plain data. */
const withMethods = (
  found: Omit<FoundJob, 'view' | 'progress'>,
  view: (options: ViewOptions) => JobView,
  progress: () => JobProgress,
): FoundJob => {
  const checked = (options: ViewOptions = {}): JobView => {
    throwIfInvalid(`A call on job "${found.name}"`, viewOptionProblems(options));
    return view(options);
  };
  const isOver = isTerminalJobState(found.state);
  return Object.defineProperties(found, {
    view: { value: checked },
    progress: { value: () => (isOver ? AT_THE_END : progress()) },
  }) as FoundJob;
};

const storedTask = (task: Parameters<JobHistory['output']>[0], history: JobHistory): FoundTask => ({
  ...timesOf(task),
  error: task.error ?? (task.state === 'completed' ? undefined : task.lastError),
  output: task.state === 'completed' ? history.output(task) : undefined,
});

/** Returns a job that runs here. `stored`: the job in its journal, if it is there. */
export const foundHere = (run: JobRun, stored: JournalJob | undefined): FoundJob => {
  const { id, plan, state, options, startedAt, endedAt, error, stop } = run;
  const known = stored && summaryOf(stored, 'here');
  const found = {
    id,
    name: plan.name,
    key: known?.key ?? options.jobKey,
    state,
    runs: run.over ? 'nowhere' : 'here',
    labels: known?.labels ?? options.labels ?? {},
    metadata: known?.metadata ?? options.metadata ?? {},
    createdAt: known?.createdAt ?? startedAt ?? run.clock.now(),
    startedAt,
    endedAt,
    forkedFrom: known?.forkedFrom,
    input: run.context.at(0) as FoundJob['input'],
    reason: stop?.to === 'cancelled' ? causeText(stop.cause) : undefined,
    error: error && errorData(error),
    tasks: Object.fromEntries(tasksOf(run)),
  } as const;
  // Another process may have changed the labels and metadata in the journal.
  return withMethods(
    found,
    (options) => viewOfRun(run, options, found),
    () => progressOf(workOf(run), run.clock.now()),
  );
};

const tasksOf = (run: JobRun): readonly (readonly [string, FoundTask])[] =>
  run.plan.graph.names.flatMap((name, index) => {
    if (run.removed?.has(index)) return [];
    const task = run.tasks[index];
    if (!task) return run.parent ? [] : [[name, UNTOUCHED] as const];
    const { error, lastError, state, output, path, child } = task;
    const shown = error ?? (state === 'completed' ? undefined : lastError);
    const found = {
      ...timesOf(task),
      error: shown && dataOf(shown),
      output: state === 'completed' ? output : undefined,
    };
    return [[path, found] as const, ...(child ? tasksOf(child) : [])];
  });

const dataOf = (error: TaskError): ErrorData =>
  error.code === 'UPSTREAM_FAILED' ? shallowErrorData(error) : errorData(error);

const timesOf = ({ state, attempts, startedAt, endedAt, reason }: TaskRecord<unknown>) => ({
  state,
  attempts,
  startedAt,
  endedAt,
  reason,
});

const UNTOUCHED: FoundTask = Object.freeze({
  state: 'unscheduled',
  attempts: 0,
  startedAt: undefined,
  endedAt: undefined,
  reason: undefined,
  error: undefined,
  output: undefined,
});
