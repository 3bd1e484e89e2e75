import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { knownNames } from '../engine/errors/suggest.ts';
import type { JobEvent, Stamp, TaskState, TaskTransition } from '../events/event.ts';
import { listDiff } from './list-diff.ts';

/**
 * Throws unless the events say that a task went through exactly these states, in this order, so far. `task` is its path:
 * `name`, `outer/inner` in a nested job, `name[3]` in a fan-out. The first state is the one after `unscheduled`; an empty
 * list says that nothing has happened to the task. The message of the error lists the difference, with the attempts and
 * errors that were recorded. For any test runner.
 * @throws AssertionError of node:assert
 * @example
 * expectTransitions(recordEvents(job), 'dice', ['ready', 'running', 'retrying', 'ready', 'running', 'completed']);
 */
export const expectTransitions = (events: readonly JobEvent[], task: string, states: readonly TaskState[]): void => {
  const found = events.filter((event) => event.type === 'task.transition' && event.task === task) as Recorded[];
  const jobIds = [...new Set(found.map(({ jobId }) => jobId))];
  const actual = found.map(({ to }) => to);
  if (jobIds.length <= 1 && isDeepStrictEqual(actual, [...states])) return;
  const message = jobIds.length > 1 ? ofSeveralJobs(task, jobIds) : differenceOf(task, found, states, events);
  const error = new AssertionError({
    message,
    actual,
    expected: states,
    operator: 'expectTransitions',
    stackStartFn: expectTransitions,
  });
  // Vitest and Mocha would show the difference once more.
  Object.defineProperty(error, 'showDiff', { value: false });
  throw error;
};

type Recorded = TaskTransition & Stamp;

const ofSeveralJobs = (task: string, jobIds: readonly string[]): string =>
  `${jobIds.length} jobs have a task "${task}". Take the events of one: events.filter(({ jobId }) => jobId === ${JSON.stringify(jobIds[0])}).`;

const differenceOf = (
  task: string,
  found: readonly Recorded[],
  states: readonly TaskState[],
  events: readonly JobEvent[],
): string => {
  const lines = listDiff(
    found.map(({ to }) => to),
    states,
  ).map((line) => {
    if (line.in === 'second') return `+ ${states[line.second]}`;
    const { to, details } = shown(found[line.first] as Recorded);
    return `${line.in === 'both' ? ' ' : '-'} ${details ? `${to.padEnd(WIDTH)}${details}` : to}`;
  });
  const heading = `Task "${task}" did not go through the expected states (+ expected, - recorded):`;
  return [heading, ...shortened(lines).map((line) => `  ${line}`), ...hints(task, found, events)].join('\n');
};

const shown = (event: Recorded): { readonly to: string; readonly details: string } => {
  const { to, attempt, reason, error } = event;
  const begun = to === 'ready' || attempt === 0 ? [] : [`attempt ${attempt}`];
  const parts = error ? error.message.split('\n', 1) : [...begun, ...(reason === undefined ? [] : [reason])];
  return { to, details: parts.join(', ') };
};

/** Leaves out what is the same, but for a few lines around each difference, and all after so many lines. */
const shortened = (lines: readonly string[]): readonly string[] => {
  const differs = lines.map((line) => !line.startsWith(' '));
  const isNear = (at: number): boolean => differs.slice(Math.max(0, at - AROUND), at + AROUND + 1).includes(true);
  const kept: string[] = [];
  let same = 0;
  const skip = (): void => {
    if (same > 0) kept.push(`  … ${same} the same`);
    same = 0;
  };
  for (const [at, line] of lines.entries()) {
    if (kept.length >= MAX_LINES) return [...kept, `… ${lines.length - at} more`];
    if (lines.length > FEW && !isNear(at)) same++;
    else {
      skip();
      kept.push(line);
    }
  }
  skip();
  return kept;
};

const hints = (task: string, found: readonly Recorded[], events: readonly JobEvent[]): readonly string[] => {
  const [first] = found.length > 0 ? events.filter(({ jobId }) => jobId === found[0]?.jobId) : events;
  if (!first) return ['No events were recorded. Call recordEvents in the tick of the start.'];
  const late = `The recording begins with event ${first.seq} of job "${first.jobName}": what happened before is not in it.`;
  const known = new Set(events.flatMap((event) => (event.type === 'task.transition' ? [event.task] : [])));
  return [
    ...(found.length === 0 ? [`No event is about this task.${knownNames(task, known)}`] : []),
    ...(first.seq > 0 ? [late] : []),
  ];
};

const WIDTH = 12;
const AROUND = 2;
/** So many lines are shown as they are, and so many at most. */
const FEW = 20;
const MAX_LINES = 60;
