import type { AnyActorRef } from 'xstate';

/**
 * Stops an actor and removes it from its system, with the private event that XState sends to a child to stop it.
 * XState's action `stopChild` does the same, but copies the parent's snapshot for each child.
 */
export const stopChild = (actor: AnyActorRef | undefined): void => actor?.send(STOP);

const STOP = { type: 'xstate.stop' } as never;
