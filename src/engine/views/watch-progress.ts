import { Observable, type Subscriber, type Subscription } from 'rxjs';
import type { JobEvent } from '../../events/event.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { medianOf } from '../definition/estimates.ts';
import type { JobRun } from '../model/run.ts';
import { AT_THE_END, type JobProgress, progressOf } from './progress.ts';
import { workOf } from './work.ts';

/**
 * How far a job is: now, and when something has changed, at most once a second. Computed only while somebody listens, and
 * once for all who do. Completes with the job.
 */
export const watchProgress = (run: JobRun): Observable<JobProgress> => {
  const listeners = new Set<Subscriber<JobProgress>>();
  const { clock } = run;
  let latest: JobProgress | undefined;
  let nextAt = 0;
  let cancel: (() => void) | undefined;
  let events: Subscription | undefined;
  let hasAsked = false;

  const publish = (progress: JobProgress): void => {
    latest = progress;
    for (const listener of [...listeners]) listener.next(progress);
  };
  const tell = (): void => {
    cancel = undefined;
    nextAt = clock.now() + EVERY_MS;
    publish(progressOf(workOf(run), clock.now()));
    if (!run.remote || hasAsked) return;
    hasAsked = true;
    underWayUntil(learn(run).then(tellSoon, () => {}));
  };
  const tellSoon = (): void => {
    if (cancel || run.over || listeners.size === 0) return;
    const waitMs = nextAt - clock.now();
    if (waitMs > 0) cancel = clock.setTimer(tell, waitMs);
    else tell();
  };
  const complete = (): void => {
    // A job that goes on elsewhere is not over.
    if (run.over && (latest?.fraction !== 1 || latest.leftMs !== 0)) publish(AT_THE_END);
    for (const listener of [...listeners]) listener.complete();
  };

  return new Observable((listener) => {
    listeners.add(listener);
    if (listeners.size > 1 && latest) listener.next(latest);
    else {
      latest = undefined;
      events = run.events$.subscribe({ next: ({ type }) => CHANGES.has(type) && tellSoon(), complete });
      if (!listener.closed) tell();
    }
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      cancel?.();
      cancel = undefined;
      events?.unsubscribe();
    };
  });
};

const EVERY_MS = 1_000;

/** The events that change how much is left. */
const CHANGES: ReadonlySet<JobEvent['type']> = new Set([
  'job.transition',
  'task.transition',
  'task.progress',
  'task.added',
  'task.removed',
]);

/** Reads the estimates that were kept with a job that another process runs. */
const learn = async (run: JobRun): Promise<void> => {
  const notes = (await run.options.journal?.notes(run.id)) ?? [];
  const note = notes.find(({ task, kind }) => task === '' && kind === 'estimates');
  if (!note) return;
  const history = new Map(JSON.parse(note.value) as readonly (readonly [string, number])[]);
  run.estimates = { history, otherMs: medianOf([...history.values()]) ?? 0 };
};
