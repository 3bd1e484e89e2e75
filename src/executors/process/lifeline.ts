import { type ChildProcess, spawn } from 'node:child_process';
import { basename, dirname } from 'node:path';

/**
 * Ends the commands of this process if it dies without a chance to do so itself, as by SIGKILL. A small shell, the
 * watcher, reads from a pipe which process groups run. The system closes the pipe when this process is gone; then the
 * watcher kills the groups, and removes the folder of their files. It has a session of its own, so that a signal to the
 * process group of this process does not reach it. If a watcher dies, the next command starts another.
 */
export type Lifeline = {
  /** Call it before a command starts: `output` is what its variable `TINTYPE_OUTPUT` will be. */
  readonly expect: (output: string) => void;
  /** Call it when a process group has started, in the same turn: the watcher expects one command at a time. */
  readonly add: (group: number) => void;
  readonly remove: (group: number) => void;
};

const groups = new Set<number>();

let watcher: ChildProcess | undefined;

/** The folder of the outputs, once the watcher knows it. */
let folder: string | undefined;

/** Lines that the watcher may get late. */
let late = '';

export const lifeline: Lifeline = {
  expect: (output) => {
    watcher ??= startWatcher();
    if (output.includes('\n')) return;
    const first = folder === undefined ? `=${dirname(output)}\n` : '';
    folder ??= dirname(output);
    write(`${first}?${basename(output)}\n`);
  },
  add: (group) => {
    groups.add(group);
    if (watcher) write(`+${group}\n`);
    else watcher = startWatcher();
  },
  remove: (group) => {
    groups.delete(group);
    // Most often the next command starts in this turn: each write wakes the watcher.
    if (late === '') setImmediate(write, '');
    late += `-${group}\n`;
  },
};

const startWatcher = (): ChildProcess | undefined => {
  if (process.platform === 'win32') return undefined;
  try {
    const started = spawn('/bin/sh', ['-c', WATCHER, 'tintype-lifeline'], {
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const lost = (): void => {
      if (watcher === started) watcher = undefined;
    };
    started.once('error', lost).once('exit', lost).unref();
    started.stdin.on('error', lost);
    (started.stdin as typeof started.stdin & { unref: () => void }).unref();
    for (const group of groups) started.stdin.write(`+${group}\n`);
    folder = undefined;
    return started;
  } catch {
    // The system lacks processes or memory at the moment: the next command tries again.
    return undefined;
  }
};

/** Writes lines at once: a write to a pipe that has room does not wait for the event loop. */
const write = (lines: string): void => {
  const all = late + lines;
  late = '';
  if (all !== '') watcher?.stdin?.write(all);
};

/**
 * Lines: `=folder` before the first output in it, `?output` before a start, `+group` after it, `-group` at its end. If the
 * pipe closes between `?` and `+`, the group is not known: on Linux the watcher finds its leader by the variable, at the
 * latest a little later, since a process that is just starting may not show its variables.
 */
const WATCHER = `trap '' HUP INT QUIT TERM
groups=' ' expected= folder=
while IFS= read -r line; do
  rest=\${line#?}
  case $line in
    '?'*) expected=$rest ;;
    +*) groups="$groups$rest " expected= ;;
    -*) case $groups in *" $rest "*) groups="\${groups%%" $rest "*} \${groups#*" $rest "}" ;; esac ;;
    =*) folder=$rest ;;
  esac
done
end() { for group in $groups; do kill -s KILL -- "-$group"; done; }
find_expected() {
  for file in $(grep -lsF "TINTYPE_OUTPUT=$folder/$expected" /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    groups="$groups\${file%/environ} "
  done
}
end
if [ -n "$expected" ]; then
  find_expected; end
  sleep 0.1
  find_expected; end
fi
if [ -n "$folder" ] && [ -d "$folder" ]; then rm -rf -- "$folder"; fi
`;
