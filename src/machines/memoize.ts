import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate';

export type StepKeys<Input, Command> = {
  /** The snapshot that the machine starts from. */
  readonly initial: (input: Input) => AnyMachineSnapshot;
  /** Identifies a snapshot: two snapshots with the same key behave alike. */
  readonly key: (snapshot: AnyMachineSnapshot) => string;
  /** Identifies a command within one snapshot: commands with the same key lead to the same next snapshot. */
  readonly command: (command: Command) => string;
};

/** A cache of snapshots by key, and of the steps from each snapshot. Actors with the same key share one snapshot. */
export class SharedSnapshots {
  readonly #shared = new Map<string, AnyMachineSnapshot>();
  readonly #steps = new Map<AnyMachineSnapshot, Map<string, AnyMachineSnapshot>>();

  /** Returns the shared snapshot with this key. If there is none, makes one and shares it from now on. */
  share<Snapshot extends AnyMachineSnapshot>(key: string, make: () => Snapshot): Snapshot {
    const known = this.#shared.get(key);
    if (known) return known as Snapshot;
    const snapshot = make();
    if (this.#shared.size < MAX_SHARED_SNAPSHOTS) {
      this.#shared.set(key, snapshot);
      this.#steps.set(snapshot, new Map());
    }
    return snapshot;
  }

  /** Returns the snapshot after a command. Calls `take` only if the step is not cached yet. */
  step<Snapshot extends AnyMachineSnapshot>(
    snapshot: Snapshot,
    command: string,
    keyOf: (snapshot: Snapshot) => string,
    take: () => Snapshot,
  ): Snapshot {
    const steps = this.#steps.get(snapshot);
    const known = steps?.get(command);
    if (known) return known as Snapshot;
    const next = take();
    if (!steps) return next;
    // A stopped actor keeps its state, so the key must contain the status.
    const shared = this.share(next.status === 'active' ? keyOf(next) : `${next.status} ${keyOf(next)}`, () => next);
    steps.set(command, shared);
    return shared;
  }
}

/**
 * Wraps a machine as actor logic that computes each distinct step once and caches the result. All actors in the same
 * situation share one snapshot, including restored actors. XState's interpreter takes about 4 µs per step; a look-up
 * takes far less.
 *
 * Requires that a step depends only on the snapshot and the key of the command, and has no effect outside the machine's
 * context.
 */
export const memoized = <Machine extends AnyStateMachine, Input, Command extends { readonly type: string }>(
  machine: Machine,
  snapshots: SharedSnapshots,
  { initial, key, command: keyOf }: StepKeys<Input, Command>,
): Machine => {
  const transition = (snapshot: AnyMachineSnapshot, command: Command, scope: AnyActorScope): AnyMachineSnapshot =>
    snapshots.step(snapshot, keyOf(command), key, () =>
      machine.transition(snapshot as never, command as never, scope as never),
    );

  return Object.create(machine, {
    getInitialSnapshot: { value: (_: AnyActorScope, input: Input) => initial(input) },
    // Avoids the copy that XState makes of an actor's initial snapshot.
    restoreSnapshot: { value: (snapshot: AnyMachineSnapshot) => snapshot },
    transition: { value: transition },
  });
};

/** Maximum number of cached snapshots. Steps from a snapshot that is not cached are computed each time. */
const MAX_SHARED_SNAPSHOTS = 10_000;
