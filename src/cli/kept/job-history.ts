import type { JobEvent } from '../../events/event.ts';
import { isTerminalJobState } from '../../events/event-stream.ts';
import { TAIL_LINES } from '../../executors/process/error.ts';

/** The last lines that a task printed to each. */
export type Tail = { readonly stdout: readonly string[]; readonly stderr: readonly string[] };

/** What the events of a job tell beside where its tasks stand. */
export type JobHistory = {
  /** When the job first began, in epoch ms: one that is tried again begins again. */
  startedAt: number | undefined;
  /** When the attempts of each task began, in epoch ms: of a job that was tried again, those since then. */
  readonly begins: Map<string, number>;
  /** What the last attempt of a task printed that has not completed. */
  readonly tails: Map<string, { readonly stdout: string[]; readonly stderr: string[] }>;
  /** The tasks that have run since the job last began. */
  readonly recent: Set<string>;
};

export const emptyHistory = (): JobHistory => ({
  startedAt: undefined,
  begins: new Map(),
  tails: new Map(),
  recent: new Set(),
});

/** Takes one more event into a history: events are told in order. */
export const noteEvent = (history: JobHistory, event: JobEvent): void => {
  const { begins, tails, recent } = history;
  if (event.type === 'job.transition') {
    if (event.to !== 'running' || event.from === 'paused') return;
    history.startedAt ??= event.at;
    if (isTerminalJobState(event.from)) recent.clear();
  } else if (event.type === 'task.transition') {
    const { task, from, to, at } = event;
    if (to === 'completed') tails.delete(task);
    if (to !== 'running' || from === 'paused') return;
    tails.delete(task);
    if (!recent.has(task)) begins.set(task, at);
    recent.add(task);
  } else if (event.type === 'task.log' && event.attempt > 0) {
    const tail = tails.get(event.task) ?? { stdout: [], stderr: [] };
    tails.set(event.task, tail);
    const lines = STREAMS[event.level] && tail[STREAMS[event.level] as keyof Tail];
    if (lines && lines.push(event.message) > TAIL_LINES) lines.shift();
  }
};

/** As what the lines of each are logged. */
const STREAMS: Readonly<Record<string, keyof Tail | undefined>> = { info: 'stdout', warn: 'stderr' };
