import { type AnyTaskSpec, type Job, type JobEvent, jobFrom, type StartOptions } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';

type Watched = Pick<Job, 'events$'>;

/** Transitions as lines: `10 a ready>paused #0 ann`, `10 JOB running>paused ann`. */
export const linesOf = (job: Watched): string[] => {
  const lines: string[] = [];
  job.events$.subscribe((event) => {
    if (event.type !== 'job.transition' && event.type !== 'task.transition') return;
    const who = event.type === 'task.transition' ? event.task : 'JOB';
    const attempt = event.type === 'task.transition' ? ` #${event.attempt}` : '';
    const why = event.reason === undefined ? '' : ` ${event.reason}`;
    lines.push(`${event.at} ${who} ${event.from}>${event.to}${attempt}${why}`);
  });
  return lines;
};

/** Calls back within the event in which a task, or the job (`JOB`), comes to a state; the first time only. */
export const when = (job: Watched, who: string, to: string, act: (event: JobEvent) => void): void => {
  let done = false;
  job.events$.subscribe((event) => {
    const about = event.type === 'job.transition' ? 'JOB' : event.type === 'task.transition' ? event.task : undefined;
    if (done || about !== who || !('to' in event) || event.to !== to) return;
    done = true;
    act(event);
  });
};

export const napper =
  (clock: VirtualClock) =>
  <Value>(ms: number, value?: Value) =>
  (): Promise<Value | undefined> =>
    new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));

/** Fails so many times, then succeeds. */
export const failing = (times: number, output?: object) => {
  let runs = 0;
  return (): object | undefined => {
    if (runs++ < times) throw new Error(`failure ${runs}`);
    return output;
  };
};

/** A job of these tasks, begun and advanced by `ms`. */
export const begin = async (
  tasks: (nap: ReturnType<typeof napper>) => readonly AnyTaskSpec[],
  options: StartOptions = {},
  ms = 0,
) => {
  const clock = virtualClock();
  const nap = napper(clock);
  const job = jobFrom('work', tasks(nap)).start({}, { clock, ...options });
  const lines = linesOf(job);
  await clock.advance(ms);
  return { clock, nap, job, lines };
};
