import type { AnyActorRef } from 'xstate';

/**
 * Stops an actor with XState's private event for a child that stops, which removes the actor from its system. XState's
 * action `stopChild` does the same, but copies the parent's snapshot for each child.
 */
export const stopChild = (actor: AnyActorRef | undefined): void => actor?.send(STOP);

const STOP = { type: 'xstate.stop' } as never;
