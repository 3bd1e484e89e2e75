import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Lease } from './journal.ts';

export type ProcessIdentity = Pick<Lease, 'host' | 'pid' | 'processStart'>;

/** Returns the identity of this process among all processes of all machines that may share a journal. */
export const thisProcess = (): ProcessIdentity => {
  known ??= { host: thisHost(), pid: process.pid, processStart: statOf(process.pid)?.start ?? '' };
  return known;
};

let known: ProcessIdentity | undefined;

/** Whether the holder of a lease is known to be dead. Only a process on the same machine can find out. */
export const isDead = (holder: ProcessIdentity): boolean => livenessOf(holder) === 'dead';

/** Whether the holder of a lease is known to be alive: the same process, not a later one with its pid. */
export const isAlive = (holder: ProcessIdentity): boolean => livenessOf(holder) === 'alive';

/** The engines of this process that beat, one per journal. */
export const beatingOwners = new Set<string>();

/**
 * Whether the holder of a lease is known to beat, whatever the clocks say: another process of this machine that is alive
 * and not stopped by a signal, or an engine of this process that beats now.
 */
export const isBeating = (holder: ProcessIdentity & Pick<Lease, 'owner'>): boolean => {
  if (!isAlive(holder)) return false;
  return holder.pid === process.pid ? beatingOwners.has(holder.owner) : !STOPPED.has(statOf(holder.pid)?.state ?? '');
};

/** States of a process that a signal or a debugger has stopped. */
const STOPPED: ReadonlySet<string> = new Set(['T', 't']);

const livenessOf = ({ host, pid, processStart }: ProcessIdentity): 'alive' | 'dead' | 'unknown' => {
  if (host !== thisProcess().host) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return 'dead';
    // EPERM: the process is alive, but owned by another user. Any other error says nothing about it.
    if (code !== 'EPERM') return 'unknown';
  }
  const stat = statOf(pid);
  if (!stat || processStart === '') return 'unknown';
  return stat.start === processStart && !GONE.has(stat.state) ? 'alive' : 'dead';
};

/** States of a process that has ended, but whose parent has not yet collected its exit status. */
const GONE: ReadonlySet<string> = new Set(['Z', 'X']);

/**
 * The host name with the boot id and the pid namespace, if the system reports them: containers of one machine may share
 * a host name.
 */
const thisHost = (): string => [hostname(), bootId(), pidNamespace()].filter((part) => part !== '').join(' ');
const bootId = (): string => orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
const pidNamespace = (): string => orEmpty(() => readlinkSync('/proc/self/ns/pid'));

/** Reads a process's state, and its start in clock ticks: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const statOf = (pid: number): { readonly state: string; readonly start: string } | undefined => {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // Fields 3 and 22. Field 2 is the program's name in parentheses, which may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state === undefined || start === undefined ? undefined : { state, start };
};

const orEmpty = (read: () => string): string => {
  try {
    return read();
  } catch {
    return '';
  }
};
