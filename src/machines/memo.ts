import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate';

export type Situations<Input, Command> = {
  /** The snapshot that the machine starts from. */
  readonly initial: (input: Input) => AnyMachineSnapshot;
  /** Identifies a snapshot: two with the same key behave alike. */
  readonly key: (snapshot: AnyMachineSnapshot) => string;
  /** Identifies a command within one snapshot: two with the same key lead to the same next snapshot. */
  readonly command: (command: Command) => string;
};

/** Snapshots by their key, shared by all actors in the same situation, each with the steps already taken from it. */
export class SharedSnapshots {
  readonly #shared = new Map<string, AnyMachineSnapshot>();
  readonly #steps = new Map<AnyMachineSnapshot, Map<string, AnyMachineSnapshot>>();

  /** Returns the shared snapshot with this key. Makes it, and shares it from now on, if there is none yet. */
  share<Snapshot extends AnyMachineSnapshot>(key: string, make: () => Snapshot): Snapshot {
    const known = this.#shared.get(key);
    if (known) return known as Snapshot;
    const snapshot = make();
    if (this.#shared.size < MOST_SHARED) {
      this.#shared.set(key, snapshot);
      this.#steps.set(snapshot, new Map());
    }
    return snapshot;
  }

  /** Returns the snapshot after a command. Calls `take` only if this step was never taken before. */
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
    // A stopped actor keeps the state that it was in.
    const shared = this.share(next.status === 'active' ? keyOf(next) : `${next.status} ${keyOf(next)}`, () => next);
    steps.set(command, shared);
    return shared;
  }
}

/**
 * The same machine as actor logic that asks XState once for each distinct step and remembers the result, so that all
 * tasks in the same situation share one snapshot, whether they came there step by step or were restored. XState's
 * interpreter takes some 4 µs a step; the memory takes next to nothing.
 *
 * It holds for steps whose result depends on the snapshot and the kind of the command alone, and that act on nothing but
 * their own context.
 */
export const remembering = <Machine extends AnyStateMachine, Input, Command extends { readonly type: string }>(
  machine: Machine,
  snapshots: SharedSnapshots,
  { initial, key, command: keyOf }: Situations<Input, Command>,
): Machine => {
  const transition = (snapshot: AnyMachineSnapshot, command: Command, scope: AnyActorScope): AnyMachineSnapshot =>
    snapshots.step(snapshot, keyOf(command), key, () =>
      machine.transition(snapshot as never, command as never, scope as never),
    );

  return Object.create(machine, {
    getInitialSnapshot: { value: (_: AnyActorScope, input: Input) => initial(input) },
    // XState would copy a snapshot that an actor starts from.
    restoreSnapshot: { value: (snapshot: AnyMachineSnapshot) => snapshot },
    transition: { value: transition },
  });
};

/** A bound on the memory: past it, XState is asked each time. */
const MOST_SHARED = 10_000;
