import type { AnyActorRef } from 'xstate';

/**
 * Stops an actor by the event that XState itself sends to a child that stops, which removes the actor from its system. The action
 * `stopChild` of a machine does the same, but copies the snapshot of the parent for each child. The event is private to XState.
 */
export const stopChild = (actor: AnyActorRef | undefined): void => actor?.send(STOP);

const STOP = { type: 'xstate.stop' } as never;
