import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ends the commands of this process if it dies without a chance to do so itself, as by SIGKILL. A small shell, the
 * watcher, reads from a pipe which process groups run. The system closes the pipe when this process is gone; then the
 * watcher kills the groups, and removes the folder of their files. It has a session of its own, so that a signal to the
 * process group of this process does not reach it. If a watcher dies, the next command starts another.
 */
export type Lifeline = {
  /** Call it before a command starts: `output` is what its variable `TINTYPE_OUTPUT` will be. */
  readonly expect: (output: string) => void;
  /** Call it as soon as a process group has started. */
  readonly add: (group: number) => void;
  readonly remove: (group: number) => void;
};

const groups = new Set<number>();

let watcher: ChildProcess | undefined;

export const lifeline: Lifeline = {
  expect: (output) => {
    watcher ??= startWatcher();
    if (!output.includes('\n')) write(`?${output}\n`);
  },
  add: (group) => {
    groups.add(group);
    if (watcher) write(`+${group}\n`);
    else watcher = startWatcher();
  },
  remove: (group) => {
    groups.delete(group);
    write(`-${group}\n`);
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
    return started;
  } catch {
    // The system lacks processes or memory at the moment: the next command tries again.
    return undefined;
  }
};

/** Writes a line at once: a write to a pipe that has room does not wait for the event loop. */
const write = (line: string): void => {
  watcher?.stdin?.write(line);
};

/**
 * Lines: `?output` before a start, `+group` after it, `-group` at its end. If the pipe closes between the first two, the
 * group is not known: on Linux the watcher finds its leader by the variable.
 */
const WATCHER = `trap '' HUP INT QUIT TERM
groups=' ' expected= folder=
while IFS= read -r line; do
  rest=\${line#?}
  case $line in
    '?'*) expected=$rest folder=\${rest%/*} ;;
    +*) groups="$groups$rest " expected= ;;
    -*) case $groups in *" $rest "*) groups="\${groups%%" $rest "*} \${groups#*" $rest "}" ;; esac ;;
  esac
done
if [ -n "$expected" ]; then
  for file in $(grep -lsF "TINTYPE_OUTPUT=$expected" /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    groups="$groups\${file%/environ} "
  done
fi
for group in $groups; do kill -s KILL -- "-$group"; done
if [ -n "$folder" ] && [ -d "$folder" ]; then rm -rf -- "$folder"; fi
`;
