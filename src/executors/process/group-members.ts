import { readdirSync, readFileSync } from 'node:fs';

/**
 * Whether a process group has a member that is more than a zombie. A zombie answers to signal 0 like the living, and
 * where PID 1 reaps no orphans, as in many containers, it stays: so Linux is asked for the state of each member.
 */
export const hasLivingMember = (group: number): boolean => isKnown(group) && (livingMember(group) ?? true);

const isKnown = (group: number): boolean => {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** `undefined` where there is no /proc to tell. */
const livingMember = (group: number): boolean | undefined => {
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return undefined;
  }
  const pids = entries.filter((name) => /^\d+$/.test(name));
  return pids.length === 0 ? undefined : pids.some((pid) => isLivingMember(pid, group));
};

const isLivingMember = (pid: string, group: number): boolean => {
  try {
    // "pid (command) state parent group …"; the command may hold anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', , ofGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3);
    return Number(ofGroup) === group && !'ZXx'.includes(state);
  } catch {
    return false;
  }
};
