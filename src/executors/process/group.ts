import type { ChildProcess } from 'node:child_process';
import { hasLivingMember } from './group-members.ts';

/** A child process that leads a process group, together with whatever it started and did not move out of it. */
export type ProcessGroup = {
  /** Waits until none is left, at most so long; resolves to whether that came true. */
  readonly gone: (withinMs: number) => Promise<boolean>;
  /** SIGTERM to all of it, SIGKILL to those left after the grace; resolves when none is left. Later calls join the first. */
  readonly end: (graceMs: number) => Promise<void>;
  /** To be called when none is left: the group is no longer killed on exit, and nobody waits for it. */
  readonly release: () => void;
};

const groups = new Set<number>();

const waiting: (() => void)[] = [];

/** Takes charge of a child that was started `detached`. If this process exits before its release, the group is killed. */
export const processGroup = (leader: ChildProcess): ProcessGroup => {
  const pid = leader.pid as number;
  if (groups.size === 0) process.on('exit', killProcessGroups);
  groups.add(pid);

  const isAlive = (): boolean => (leader.exitCode === null && leader.signalCode === null) || hasLivingMember(pid);
  const gone = async (withinMs: number): Promise<boolean> => {
    const start = performance.now();
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const asked = performance.now();
      if (!isAlive()) return true;
      const answered = performance.now();
      if (answered - start >= withinMs) return false;
      // Where there are many processes the question takes time: ask at most a tenth of it.
      await pause(Math.max(pauseMs, 9 * (answered - asked)));
    }
  };
  const terminate = async (graceMs: number): Promise<void> => {
    send(pid, 'SIGTERM');
    if (await gone(graceMs)) return;
    send(pid, 'SIGKILL');
    await gone(REAP_MS);
  };

  let ending: Promise<void> | undefined;
  return {
    gone,
    end: (graceMs) => {
      ending ??= terminate(graceMs);
      return ending;
    },
    release: () => {
      groups.delete(pid);
      if (groups.size > 0) return;
      process.off('exit', killProcessGroups);
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
};

/** SIGKILL, at once, to every process group that is still in charge here. */
export const killProcessGroups = (): void => {
  for (const pid of groups) send(pid, 'SIGKILL');
};

/** Resolves when no process group is in charge here any more. */
export const processGroupsGone = (): Promise<void> =>
  new Promise((resolve) => {
    if (groups.size === 0) resolve();
    else waiting.push(resolve);
  });

/** The longest pause between two looks at a group. Its members are not all children of this process, so none tells when it ends. */
const MAX_PAUSE_MS = 20;

/** How long to wait for what SIGKILL was sent to. */
const REAP_MS = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // None is left, which is what the signal was for.
  }
};
