import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate';

export type Kinds<Input, Command> = {
  /** What tells initial snapshots apart; `undefined` where XState is to be asked each time. */
  readonly initial: (input: Input) => number | undefined;
  /** What tells commands apart in one snapshot; `undefined` where XState is to be asked each time. */
  readonly command: (command: Command) => string | undefined;
};

/**
 * The same machine as actor logic that asks XState once for each distinct step and remembers the answer, so that all
 * tasks in the same situation share one snapshot. XState's interpreter takes some 4 µs a step, remembering next to nothing.
 *
 * It holds for steps whose answer depends on the snapshot and the kind of the command alone, and that act on nothing but
 * their own context.
 */
export const remembering = <Machine extends AnyStateMachine, Input, Command extends { readonly type: string }>(
  machine: Machine,
  kinds: Kinds<Input, Command>,
): Machine => {
  const initial = new Map<number, AnyMachineSnapshot>();
  const steps = new WeakMap<AnyMachineSnapshot, Map<string, AnyMachineSnapshot>>();
  let remembered = 0;

  const remember = (snapshot: AnyMachineSnapshot): void => {
    if (!steps.has(snapshot) && remembered++ < MOST_REMEMBERED) steps.set(snapshot, new Map());
  };

  const getInitialSnapshot = (scope: AnyActorScope, input: Input): AnyMachineSnapshot => {
    const kind = kinds.initial(input);
    const known = kind === undefined ? undefined : initial.get(kind);
    if (known) return known;
    const snapshot: AnyMachineSnapshot = machine.getInitialSnapshot(scope as never, input as never);
    if (kind !== undefined && remembered < MOST_REMEMBERED) {
      initial.set(kind, snapshot);
      remember(snapshot);
    }
    return snapshot;
  };

  const transition = (snapshot: AnyMachineSnapshot, command: Command, scope: AnyActorScope): AnyMachineSnapshot => {
    const known = steps.get(snapshot);
    const kind = known && kinds.command(command);
    const answer = kind === undefined ? undefined : known?.get(kind);
    if (answer) return answer;
    const next: AnyMachineSnapshot = machine.transition(snapshot as never, command as never, scope as never);
    if (known && kind !== undefined) {
      known.set(kind, next);
      remember(next);
    }
    return next;
  };

  return Object.create(machine, {
    getInitialSnapshot: { value: getInitialSnapshot },
    transition: { value: transition },
  });
};

/** A bound on the memory: past it, XState is asked each time. */
const MOST_REMEMBERED = 10_000;
