import type { JobEvent } from '../../events/event.ts';
import { TAIL_LINES } from '../../executors/process/error.ts';

/** The last lines that a task printed to each stream. */
export type Tail = { readonly stdout: readonly string[]; readonly stderr: readonly string[] };

/** What the last attempt of each task printed, by path. Tasks that completed are absent. */
export type Tails = Map<string, { readonly stdout: string[]; readonly stderr: string[] }>;

/** Adds one more event of a job. */
export const recordPrinted = (tails: Tails, event: JobEvent): void => {
  if (event.type === 'task.transition') {
    const { task, from, to } = event;
    if (to === 'completed' || (to === 'running' && from !== 'paused')) tails.delete(task);
  } else if (event.type === 'task.log' && event.attempt > 0) {
    const tail = tails.get(event.task) ?? { stdout: [], stderr: [] };
    tails.set(event.task, tail);
    const stream = STREAMS[event.level];
    if (stream && tail[stream].push(event.message) > TAIL_LINES) tail[stream].shift();
  }
};

/** The stream whose lines are logged at each level. */
const STREAMS: Readonly<Record<string, keyof Tail | undefined>> = { info: 'stdout', warn: 'stderr' };
