import type { JobEvent, TaskState, TaskTransition } from 'tintype';

/** What the events of a job so far say of one task. Of a task around others, a further attempt makes those as good as new. */
export type Standing = {
  readonly state: TaskState;
  readonly attempt: number;
  /** `seq` of the event by which its last attempt began. */
  readonly runningSeq: number;
  /** Attempts of the present run that failed by themselves. */
  readonly failures: number;
  /** Of `retrying` and `polling`: until when, and whether it is the wait of an attempt that was interrupted. */
  readonly dueAt: number | undefined;
  readonly interrupted: boolean;
  readonly reason: string | undefined;
  readonly output: boolean;
};

const UNHEARD: Standing = {
  state: 'unscheduled',
  attempt: 0,
  runningSeq: -1,
  failures: 0,
  dueAt: undefined,
  interrupted: false,
  reason: undefined,
  output: false,
};

export const SETTLED: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'notReady', 'skipped', 'cancelled']);

/** Follows the events of a job, and says what in them can't be. */
export const follow = () => {
  const tasks = new Map<string, Standing>();
  /** Where the last process began. */
  let resumedSeq = -1;
  const faults: string[] = [];

  const take = (event: JobEvent): void => {
    if (event.type === 'job.resumed') resumedSeq = event.seq;
    if (event.type === 'task.transition') move(event);
  };

  const move = (event: TaskTransition & { readonly seq: number; readonly at: number }): void => {
    const { task, from, to, attempt, reason } = event;
    const before = of(task);
    const fault = (what: string): void => {
      faults.push(
        `event ${event.seq}: task "${task}" ${from} -> ${to} (attempt ${attempt}, ${reason ?? '-'}): ${what}`,
      );
    };
    if (from !== before.state) fault(`it was ${before.state}`);
    if (SETTLED.has(before.state)) fault('it had settled');
    const interrupted = reason === 'interrupted';
    if (interrupted && !(before.runningSeq < resumedSeq)) fault('no process died while it ran');
    if (to === 'running') {
      const next = before.state === 'paused' ? before.attempt : before.attempt + 1;
      if (attempt !== next) fault(`its next attempt was to be ${next}`);
      // What was interrupted goes on; a further attempt begins anew.
      if (!before.interrupted) forget(task);
    }
    if (to === 'ready' && before.dueAt !== undefined && !before.interrupted && event.at < before.dueAt - 1)
      fault(`it was to wait ${before.dueAt - event.at} ms longer`);
    const failed = from === 'running' && (to === 'failed' || (to === 'retrying' && !interrupted));
    tasks.set(task, {
      state: to,
      // The attempt of a sensor that brought "not yet" does not count.
      attempt: to === 'polling' ? attempt - 1 : attempt,
      runningSeq: to === 'running' ? event.seq : before.runningSeq,
      failures: before.failures + (failed ? 1 : 0),
      dueAt: event.dueAt,
      interrupted: to === 'retrying' || to === 'polling' ? interrupted : to === 'ready' && before.interrupted,
      reason,
      output: event.output !== undefined,
    });
  };

  const forget = (around: string): void => {
    for (const path of tasks.keys())
      if (path.startsWith(`${around}/`) || path.startsWith(`${around}[`)) tasks.delete(path);
  };

  const of = (task: string): Standing => tasks.get(task) ?? UNHEARD;
  return { take, of, faults, tasks: tasks as ReadonlyMap<string, Standing> };
};
