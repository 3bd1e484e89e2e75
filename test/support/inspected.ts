/** An inspection event as `@statelyai/inspect` writes it, as far as tests read it. */
export type Inspected = {
  readonly type: '@xstate.actor' | '@xstate.event' | '@xstate.snapshot';
  readonly sessionId: string;
  readonly rootId: string;
  readonly name?: string;
  readonly parentId?: string;
  readonly event?: { readonly type: string; readonly output?: unknown; readonly error?: unknown };
  readonly snapshot?: { readonly status: string; readonly value: string };
};

/** What an inspector was told of each actor, by its name: its state when it began, what it received, and where it then stood. */
export const storiesOf = (inspected: readonly Inspected[]): Readonly<Record<string, readonly string[]>> => {
  const names = new Map<string, string>();
  const stories: Record<string, string[]> = {};
  for (const { type, sessionId, name = '', event, snapshot } of inspected) {
    if (type === '@xstate.actor') {
      names.set(sessionId, name);
      stories[name] = [`begins ${snapshot?.status} ${snapshot?.value}`];
    } else {
      const story = stories[names.get(sessionId) as string];
      story?.push(
        type === '@xstate.event' ? `${event?.type}` : `${event?.type} → ${snapshot?.status} ${snapshot?.value}`,
      );
    }
  }
  return stories;
};

/** The story of a task that completes in its first attempt. */
export const COMPLETED_TASK = [
  'begins active unscheduled',
  'xstate.init',
  'xstate.init → active unscheduled',
  'task.schedule',
  'task.schedule → active ready',
  'task.run',
  'task.run → active running',
  'attempt.succeeded',
  'attempt.succeeded → active completed',
  'xstate.stop',
  'xstate.stop → stopped completed',
];

/** The story of a job that completes. XState reports no event for the stop of an actor without a parent. */
export const COMPLETED_JOB = [
  'begins active idle',
  'xstate.init',
  'xstate.init → active idle',
  'job.start',
  'job.start → active running',
  'job.finish',
  'job.finish → active completed',
  'xstate.stop → stopped completed',
];
