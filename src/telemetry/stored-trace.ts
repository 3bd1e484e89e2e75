import { setImmediate } from 'node:timers/promises';
import type { Journal, JournalJob, StoredEvent } from '../engine/durable/journal.ts';
import { eventOf } from '../engine/durable/read-stored.ts';
import { withoutStack } from '../events/error-data.ts';
import type { JobEvent } from '../events/event.ts';
import { chromeTraceText, type TracedDefinition } from './chrome-trace.ts';

/** `chrome`: Chrome's trace-event format. `json`: an array of the transitions of the job and its tasks, without outputs and without the stacks of errors. */
export const TRACE_FORMATS = ['chrome', 'json'] as const;

export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** Where a job is read. `shape`: of its definition, as JSON, for the arrows along the critical path. */
type TraceSource = Pick<Journal, 'events'> & { readonly shape: () => ReturnType<Journal['shape']> };

/**
 * Yields the text of a stored job's trace file in parts, while its events are read page by page. What has not ended is
 * drawn until `until`, in epoch ms. @throws JournalError
 */
export async function* storedTrace(
  source: TraceSource,
  job: JournalJob,
  format: TraceFormat,
  until: number,
): AsyncGenerator<string, void, void> {
  if (format === 'json') yield* transitionsText(source, job);
  else {
    const definitions = [{ name: job.name, tasks: outerTasks(await source.shape()) }];
    yield* chromeTraceText(eventsIn(source, job), { definitions, now: until });
  }
}

async function* transitionsText(source: TraceSource, job: JournalJob): AsyncGenerator<string, void, void> {
  let comma = '[\n';
  for await (const page of pagesOf(source, job)) {
    const lines = page.flatMap((stored) => transitionText(eventOf(stored, job.id)));
    if (lines.length === 0) continue;
    yield comma + lines.join(',\n');
    comma = ',\n';
  }
  yield comma === '[\n' ? '[]\n' : '\n]\n';
}

/** Returns a transition as JSON; nothing for another event. */
const transitionText = (event: JobEvent): readonly string[] => {
  if (event.type !== 'job.transition' && event.type !== 'task.transition') return [];
  return [JSON.stringify(event.error ? { ...event, error: withoutStack(event.error) } : event)];
};

async function* eventsIn(source: TraceSource, job: JournalJob): AsyncGenerator<JobEvent, void, void> {
  for await (const page of pagesOf(source, job)) for (const stored of page) yield eventOf(stored, job.id);
}

async function* pagesOf(
  source: TraceSource,
  { id, lastSeq }: JournalJob,
): AsyncGenerator<readonly StoredEvent[], void, void> {
  for (let next = 0; next <= lastSeq; ) {
    const page = await source.events(id, next, Math.min(PAGE, lastSeq + 1 - next));
    if (page.length === 0) return;
    yield page;
    next += page.length;
    // The process does other work between two pages.
    await setImmediate();
  }
}

const PAGE = 500;

/** Returns the outer tasks of a stored shape, with what they depend on; none if it is not readable. */
const outerTasks = (shape: string | undefined): TracedDefinition['tasks'] => {
  try {
    const [, tasks] = JSON.parse(shape ?? 'null') as [string, [name: string, dependsOn: string[]][]];
    return tasks.map(([name, dependsOn]) => ({ name, dependsOn }));
  } catch {
    return [];
  }
};
