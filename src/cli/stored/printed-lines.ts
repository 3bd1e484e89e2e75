import type { JobEvent } from '../../events/event.ts';
import { TAIL_LINES } from '../../executors/process/error.ts';

/** The last lines that a task printed to each stream, at most `TAIL_LINES`. */
export type Tail = { readonly stdout: readonly string[]; readonly stderr: readonly string[] };

/** The last output of each task's last attempt, by path. Completed tasks are absent. */
export type Tails = Map<string, { readonly stdout: string[]; readonly stderr: string[] }>;

export const recordPrinted = (tails: Tails, event: JobEvent): void => {
  if (event.type === 'task.transition') {
    const { task, from, to } = event;
    if (to === 'completed' || (to === 'running' && from !== 'paused')) tails.delete(task);
  } else if (event.type === 'task.log' && event.attempt > 0) {
    if (event.last) {
      tails.delete(event.task);
      const { last, omitted: _, ...rest } = event;
      for (const line of last) recordPrinted(tails, { ...rest, ...line });
      return;
    }
    const tail = tails.get(event.task) ?? { stdout: [], stderr: [] };
    tails.set(event.task, tail);
    const stream = STREAMS[event.level];
    if (stream && tail[stream].push(event.message) > TAIL_LINES) tail[stream].shift();
  }
};

const STREAMS: Readonly<Record<string, keyof Tail | undefined>> = { info: 'stdout', warn: 'stderr' };
