import type { JobEvent } from '../../src/events/event.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';

type Told = { readonly type: string; readonly task?: string; readonly to?: string };

/** Turns the clock once the work that follows an event has begun. */
export const turnAfter =
  (clock: VirtualClock, which: (event: Told) => boolean, ms: number) =>
  (event: JobEvent): void => {
    if (which(event as Told)) setImmediate(() => void clock.advance(ms));
  };

export const transitions = (events: readonly JobEvent[]) => events.filter((event) => event.type === 'task.transition');

/** How many tasks of such names ran at the same time. */
export const mostAtOnce = (events: readonly JobEvent[], names: RegExp): number => {
  let [now, most] = [0, 0];
  for (const { task, from, to } of transitions(events)) {
    if (!names.test(task)) continue;
    if (to === 'running') now++;
    else if (from === 'running') now--;
    most = Math.max(most, now);
  }
  return most;
};
