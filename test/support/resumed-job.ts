import {
  type AnyDefinition,
  createEngine,
  type EngineOptions,
  type Job,
  type JobEvent,
  type Journal,
  memoryJournal,
  type StartOptions,
  type TakeUpOptions,
} from 'tintype';
import type { VirtualClock } from 'tintype/testing';
import { mortal } from './mortal-journal.ts';

export const inWords = (events: readonly JobEvent[]): string[] =>
  events.flatMap((event) => {
    if (event.type === 'task.transition') return `${event.task} ${event.to}${event.reason ? `: ${event.reason}` : ''}`;
    return event.type === 'job.transition' ? `job ${event.to}` : event.type;
  });

/** A job of the id `one` in a process that can be made to die. */
export const begun = (definition: AnyDefinition, options: EngineOptions & { readonly start?: StartOptions } = {}) => {
  const { journal: store = memoryJournal(), start, ...others } = options;
  const process = mortal(store);
  const engine = createEngine({ ...others, journal: process.journal });
  const job = engine.start(definition as never, {} as never, { jobId: 'one', ...start }) as unknown as Job;
  return { store, engine, job, die: process.die };
};

/** The same job in a process that comes after. */
export const resumed = (
  store: Journal,
  definition: AnyDefinition,
  { clock, ...options }: TakeUpOptions & { readonly clock?: VirtualClock } = {},
): Promise<{ readonly job: Job }> =>
  createEngine({ journal: store, definitions: [definition], clock }).resume('one', options);

/** How it ends there. */
export const ended = async (...given: Parameters<typeof resumed>): Promise<Awaited<Job>> =>
  (await resumed(...given)).job;
