import type { ChildProcess } from 'node:child_process';
import { hasLivingMember } from './group-members.ts';
import { lifeline } from './lifeline.ts';

/** A process group: a child process as its leader, and all processes started by it that did not leave the group. */
export type ProcessGroup = {
  /** Waits until no process of the group is alive, for at most `withinMs`. Resolves to true if none is. */
  readonly gone: (withinMs: number) => Promise<boolean>;
  /**
   * Sends a signal, by default SIGTERM, to the group, and SIGKILL if any process is left after `graceMs`. Resolves when none is left, at the
   * latest 500 ms after SIGKILL. Later calls return the promise of the first.
   */
  readonly end: (graceMs: number, signal?: NodeJS.Signals) => Promise<void>;
  /** Whether `killProcessGroups` has killed it. */
  readonly wasKilled: () => boolean;
  /** Unregisters the group; call it when the group is gone. A registered group is killed when this process exits. */
  readonly release: () => void;
};

const groups = new Set<number>();
/** Those of the groups that `killProcessGroups` has killed. */
const killed = new Set<number>();

const waiting: (() => void)[] = [];

/**
 * Registers the group of a child spawned `detached`. It is killed if this process exits before `release`, or dies in any
 * other way.
 */
export const processGroup = (leader: ChildProcess): ProcessGroup => {
  const pid = leader.pid as number;
  if (groups.size === 0) process.on('exit', killProcessGroups);
  groups.add(pid);
  lifeline.add(pid);

  const isAlive = (): boolean => (leader.exitCode === null && leader.signalCode === null) || hasLivingMember(pid);
  const gone = async (withinMs: number): Promise<boolean> => {
    const start = performance.now();
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const asked = performance.now();
      if (!isAlive()) return true;
      const answered = performance.now();
      if (answered - start >= withinMs) return false;
      // With many processes each check takes long: spend at most a tenth of the time on checks.
      await pause(Math.max(pauseMs, 9 * (answered - asked)));
    }
  };
  const terminate = async (graceMs: number, signal: NodeJS.Signals): Promise<void> => {
    send(pid, signal);
    if (await gone(graceMs)) return;
    send(pid, 'SIGKILL');
    await gone(REAP_MS);
  };

  let ending: Promise<void> | undefined;
  return {
    gone,
    end: (graceMs, signal = 'SIGTERM') => {
      ending ??= terminate(graceMs, signal);
      return ending;
    },
    wasKilled: () => killed.has(pid),
    release: () => {
      groups.delete(pid);
      killed.delete(pid);
      lifeline.remove(pid);
      if (groups.size > 0) return;
      process.off('exit', killProcessGroups);
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
};

/** Kills all registered groups at once: on a second signal, and when this process exits. */
export const killProcessGroups = (): void => {
  for (const pid of groups) {
    killed.add(pid);
    send(pid, 'SIGKILL');
  }
};

export const processGroupsGone = (): Promise<void> =>
  new Promise((resolve) => {
    if (groups.size === 0) resolve();
    else waiting.push(resolve);
  });

/** The longest pause between two checks, in ms. Members other than the leader can only be polled. */
const MAX_PAUSE_MS = 20;

/** How long to wait for processes to disappear after SIGKILL, in ms. */
const REAP_MS = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has no process left to signal.
  }
};
