import { readdirSync, readFileSync } from 'node:fs';

/**
 * Returns whether a process group has a member that is not a zombie. Signal 0 finds zombies too, and they stay if PID 1
 * does not reap orphans, as in many containers; so on Linux each member's state is read from /proc.
 */
export const hasLivingMember = (group: number): boolean => isKnown(group) && (livingMember(group) ?? true);

/** Returns whether the group has a member; a zombie counts. EPERM means that it has members of another user. */
const isKnown = (group: number): boolean => {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Returns whether /proc shows a living member; `undefined` if there is no /proc, as on macOS. */
const livingMember = (group: number): boolean | undefined => {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.length === 0 ? undefined : pids.some((pid) => isLivingMember(pid, group));
  } catch {
    return undefined;
  }
};

const isLivingMember = (pid: string, group: number): boolean => {
  try {
    // Format: "pid (command) state parent group …". The command may hold any character, even parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', , ofGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3);
    return Number(ofGroup) === group && !'ZXx'.includes(state);
  } catch {
    return false;
  }
};
