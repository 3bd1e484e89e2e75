import type * as Inspect from '@statelyai/inspect';
import { flag, type Rules } from '../engine/definition/option-rules.ts';
import { TintypeError } from '../engine/errors/errors.ts';
import { errorData, withoutStack } from '../events/error-data.ts';
import { jsonSafeOutput } from '../events/json-safe.ts';
import { importPeer } from './peer.ts';

export type InspectionOptions = {
  /** Whether the outputs of tasks are passed on, which may hold secrets. Default false. */
  readonly outputs?: boolean | undefined;
};

/** The value of the option `inspect` of `start`; XState's `createActor` takes it, too. It may inspect many jobs. */
export type Inspection = AsyncDisposable & {
  /** Receives each inspection event of XState. */
  readonly next: (event: { readonly type: string }) => void;
  /** Ends the inspection when all that was received has been passed on. What comes later is ignored. */
  readonly close: () => Promise<void>;
};

/** The inspector can't write or listen where it should. `cause` is the error of Node.js. */
export class InspectionError extends TintypeError {
  override readonly name = 'InspectionError';
  readonly code = 'INSPECTION_FAILED';
}

export const inspectionRules: Rules = { outputs: flag };

/** The text of inspection events as it leaves the process: one line of JSON for each event. */
export type Lines = {
  readonly next: Inspection['next'];
  /** Resolves when `write` has all events that `next` got before. */
  readonly flushed: () => Promise<void>;
};

/** Converts XState's events to lines in the format of `@statelyai/inspect`. @throws PeerMissingError */
export const inspectionLines = async (
  write: (line: string) => void,
  { outputs = false }: InspectionOptions,
): Promise<Lines> => {
  const { createInspector } = await importPeer<typeof Inspect>('tintype/inspect', '@statelyai/inspect', (otherwise) =>
    import('@statelyai/inspect').catch(otherwise),
  );
  const inspector = createInspector(
    { send: (event) => write(JSON.stringify(event)) },
    { sanitizeEvent: (event) => shownEvent(event, outputs) },
  );
  const pass = inspector.inspect.next as Inspection['next'];
  let newActor: ActorEvent | undefined;
  const passActor = (): void => {
    if (newActor) pass(withSnapshot(newActor));
    newActor = undefined;
  };
  return {
    next: (event) => {
      if (!PASSED.has(event.type)) return;
      passActor();
      if (event.type === '@xstate.actor') newActor = event as ActorEvent;
      else pass(event);
    },
    flushed: () => {
      passActor();
      // createInspector passes each event on in a timer of 0 ms; those run in their order.
      return new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
};

/** The events that `@statelyai/inspect` passes on. The others would cost a timer each, for nothing. */
const PASSED: ReadonlySet<string> = new Set(['@xstate.actor', '@xstate.event', '@xstate.snapshot']);

type Actor = { readonly getSnapshot: () => unknown };
type ActorEvent = { readonly type: '@xstate.actor'; readonly actorRef: Actor };

/**
 * Fixes the snapshot of an actor as it is now. XState reports an actor before it has a snapshot, so this is called at the
 * next event; `@statelyai/inspect` would read it later, when the actor may have ended.
 */
const withSnapshot = (event: ActorEvent): ActorEvent => {
  const snapshot = event.actorRef.getSnapshot() ?? { status: 'active' };
  return { ...event, actorRef: Object.create(event.actorRef, { getSnapshot: { value: () => snapshot } }) as Actor };
};

/** An event that an actor received, as plain data: errors without stacks, outputs only if asked for. */
const shownEvent = ({ type, output, error, ...others }: ReceivedEvent, outputs: boolean): ReceivedEvent => ({
  type,
  ...others,
  ...(outputs && output !== undefined && { output: jsonSafeOutput(output) }),
  ...(error !== undefined && { error: withoutStack(errorData(error)) }),
});

type ReceivedEvent = { readonly type: string; readonly output?: unknown; readonly error?: unknown };
