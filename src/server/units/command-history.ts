import type { Journal } from '../../engine/durable/journal.ts';
import { eventOf } from '../../engine/durable/read-stored.ts';
import { decode } from '../../engine/durable/serialise.ts';
import type { JobEvent, TaskTransition } from '../../events/event.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { errorBody } from '../jobs/error-body.ts';
import type { ReportedCommand } from '../schemas/unit.ts';

/**
 * Returns what happened to a unit, as the commands that said so: a page of it, from the events of its job after the seq
 * `after`. `unwrap` returns an output as the worker gave it. @throws JournalError
 */
export const reportedCommands = async (
  journal: Journal,
  { jobId, path }: { readonly jobId: string; readonly path: string },
  after: number,
  limit: number,
  unwrap: (output: unknown) => unknown,
): Promise<readonly ReportedCommand[]> => {
  const found: ReportedCommand[] = [];
  for (let from = after + 1; ; from += PAGE) {
    const events = await journal.events(jobId, from, PAGE);
    for (const stored of events) {
      const event = eventOf(stored, jobId);
      if (!('task' in event) || event.task !== path) continue;
      const output = stored.output === undefined ? undefined : jsonSafe(unwrap(decode(stored.output)));
      found.push(...commandsOf(event, output));
      if (found.length >= limit) return found.slice(0, limit);
    }
    if (events.length < PAGE) return found;
  }
};

const PAGE = 500;

const commandsOf = (event: JobEvent, output: unknown): readonly ReportedCommand[] => {
  const { seq, at } = event;
  switch (event.type) {
    case 'task.progress': {
      const { attempt, fraction, message } = event;
      return [{ seq, at, attempt, type: 'progress', fraction, message }];
    }
    case 'task.log': {
      const { attempt, level, message, data } = event;
      return [{ seq, at, attempt, type: 'log', level, message, data }];
    }
    case 'task.transition': {
      const type = typeOf(event);
      const { attempt, worker, reason, error } = event;
      return type ? [{ seq, at, attempt, type, worker, reason, output, error: errorBody(error) }] : [];
    }
    default:
      return [];
  }
};

const typeOf = ({ from, to }: TaskTransition): ReportedCommand['type'] | undefined => {
  if (to === 'paused') return 'pause';
  if (from === 'paused' && (to === 'running' || to === 'ready')) return 'resume';
  if (from === 'running' && to === 'ready') return 'release';
  return TYPE[to];
};

const TYPE: Readonly<Partial<Record<TaskTransition['to'], ReportedCommand['type']>>> = {
  ready: 'ready',
  running: 'claim',
  retrying: 'error',
  completed: 'success',
  failed: 'error',
  notReady: 'notReady',
  skipped: 'skipped',
  cancelled: 'cancelled',
};
