import type { Observable } from 'rxjs';
import { NO_HISTORY } from '../../engine/definition/estimates.ts';
import type { Plan } from '../../engine/definition/plan.ts';
import type { JobRecord } from '../../engine/model/job-record.ts';
import { planOfOutline } from '../../engine/views/planned-outline.ts';
import { type JobProgress, progressOf } from '../../engine/views/progress.ts';
import { recordedWork } from '../../engine/views/work.ts';
import type { LivePlan } from './state.ts';

/** How long a job will still take. */
export type TimeLeft = {
  /** Returns the ms left; `undefined` while too little is known. */
  readonly leftMs: (nowMs: number) => number | undefined;
  readonly stop: () => void;
};

/** Counts down, between two times, what a job tells of its progress. `now`: the clock of the display. */
export const toldTimeLeft = (progress$: Observable<JobProgress>, now: () => number): TimeLeft => {
  let endsAt: number | undefined;
  const told = progress$.subscribe(({ leftMs }) => {
    endsAt = leftMs === undefined ? undefined : now() + leftMs;
  });
  return {
    leftMs: (nowMs) => (endsAt === undefined ? undefined : Math.max(0, endsAt - nowMs)),
    stop: () => told.unsubscribe(),
  };
};

/**
 * Estimates the same, once a second, from the events of a job that runs elsewhere, without what earlier runs took.
 * `workers`: how many tasks run at once, if that is known.
 */
export const recordedTimeLeft = (plan: LivePlan, record: JobRecord, workers: number | undefined): TimeLeft => {
  const outline = plan.names.map((name) => ({
    name,
    kind: 'task' as const,
    dependsOn: plan.upstream(name),
    inside: undefined,
  }));
  const definition: Plan = planOfOutline('', outline);
  const job = { record, history: NO_HISTORY, options: { maxConcurrency: workers } };
  let estimatedAt = Number.NEGATIVE_INFINITY;
  let endsAt: number | undefined;
  return {
    leftMs: (nowMs) => {
      if (nowMs - estimatedAt >= EVERY_MS) {
        const { leftMs } = progressOf(recordedWork(definition, job), nowMs);
        estimatedAt = nowMs;
        endsAt = leftMs === undefined ? undefined : nowMs + leftMs;
      }
      return endsAt === undefined ? undefined : Math.max(0, endsAt - nowMs);
    },
    stop: () => {},
  };
};

const EVERY_MS = 1_000;
