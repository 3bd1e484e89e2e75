import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The standard input, if it is a terminal. */
export type KeyInput = Readable & { readonly isTTY?: boolean; readonly setRawMode?: (isRaw: boolean) => unknown };

export type Keys = {
  /** Hands the terminal back, as it was, and reads nothing. Further calls have no effect. */
  readonly pause: () => void;
  /** Reads again, if the terminal is this process's. */
  readonly resume: () => void;
  readonly isReading: () => boolean;
};

/**
 * Reads single keys from a terminal, in raw mode. There Ctrl-C, Ctrl-\ and Ctrl-Z are characters, so they are sent as the
 * signals that they stand for. In the background neither the mode is touched nor a key read: either would stop the process.
 */
export const readKeys = (
  input: KeyInput,
  onKey: (key: string) => void,
  isForeground: () => boolean = ownsTerminal,
): Keys => {
  let isReading = false;
  const onData = (data: Buffer | string): void => {
    for (const key of String(data)) {
      const signal = SIGNALS[key];
      // To the process group, as the terminal sends it.
      if (signal) process.kill(0, signal);
      else onKey(key);
    }
  };
  // The terminal is gone: there are no more keys.
  input.on('error', () => {});
  const resume = (): void => {
    if (isReading || !isForeground()) return;
    isReading = true;
    input.setRawMode?.(true);
    input.on('data', onData);
    input.resume();
  };
  const pause = (): void => {
    if (!isReading) return;
    isReading = false;
    input.off('data', onData);
    input.pause();
    if (isForeground()) input.setRawMode?.(false);
  };
  resume();
  return { pause, resume, isReading: () => isReading };
};

const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  '\x03': 'SIGINT',
  '\x1a': 'SIGTSTP',
  '\x1c': 'SIGQUIT',
};

/** Returns whether this process is in the foreground of its terminal; false if that can't be found out. */
const ownsTerminal = (): boolean => {
  try {
    const [group, foreground] = process.platform === 'linux' ? groupsOnLinux() : groupsByPs();
    return group === foreground;
  } catch {
    return false;
  }
};

/** Reads the process group, and the one in the foreground of the terminal: the fields 5 and 8 of proc(5). */
const groupsOnLinux = (): readonly (string | undefined)[] => {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [fields[2], fields[5]];
};

const groupsByPs = (): readonly (string | undefined)[] =>
  execFileSync('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
