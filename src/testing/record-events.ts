import type { Observable } from 'rxjs';
import { formatValue, refuseArgument } from '../engine/definition/option-rules.ts';
import type { JobEvent } from '../events/event.ts';

/**
 * Returns an array that grows by each event of a job, or of all jobs of an engine, from now on. Called in the tick of the
 * start, it gets all events of the job. It keeps them until the program lets go of it.
 * @throws OptionError
 * @example
 * const job = definition.start({}, { clock });
 * const events = recordEvents(job);
 */
export const recordEvents = (source: { readonly events$: Observable<JobEvent> }): readonly JobEvent[] => {
  const events: JobEvent[] = [];
  const given = source as Partial<typeof source> | undefined;
  if (typeof given?.events$?.subscribe !== 'function')
    refuseArgument('recordEvents', 'source', `It was given ${formatValue(source)}: expected a job or an engine.`);
  source.events$.subscribe((event) => events.push(event));
  return events;
};
