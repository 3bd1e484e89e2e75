import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export type TerminalSize = { readonly columns: number; readonly rows: number };

/** What a person sees of a terminal. */
export type Emulator = {
  /** Resolves when what was written is on the screen. */
  readonly write: (text: string) => Promise<void>;
  /** The rows of the window, without the spaces at their ends. */
  readonly screen: () => readonly string[];
  /** The rows that have scrolled out of the window at its top. */
  readonly scrollback: () => readonly string[];
  /** Both, without the empty rows at the end. */
  readonly text: () => string;
  /** Where the cursor is in the window, from 0. */
  readonly cursor: () => { readonly column: number; readonly row: number };
  readonly isCursorShown: () => boolean;
  readonly resize: (size: TerminalSize) => void;
  /** Whether the whole window has been erased at once. tmux keeps what was in it above, among the lines that scrolled out. */
  readonly wasErasedWhole: () => boolean;
};

/** A terminal in memory, which wraps its rows anew when its size changes, as most do. */
export const createEmulator = ({ columns, rows }: TerminalSize): Emulator => {
  const terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 100_000, allowProposedApi: true });
  let isCursorShown = true;
  for (const final of ['h', 'l']) {
    terminal.parser.registerCsiHandler({ prefix: '?', final }, (params) => {
      if (params[0] === 25) isCursorShown = final === 'h';
      return false;
    });
  }
  let wasErasedWhole = false;
  terminal.parser.registerCsiHandler({ final: 'J' }, () => {
    wasErasedWhole ||= terminal.buffer.active.cursorX === 0 && terminal.buffer.active.cursorY === 0;
    return false;
  });
  const lines = (from: number, to: number): string[] =>
    Array.from(
      { length: to - from },
      (_, at) => terminal.buffer.active.getLine(from + at)?.translateToString(true) ?? '',
    );
  const screen = (): string[] => lines(terminal.buffer.active.baseY, terminal.buffer.active.baseY + terminal.rows);
  const scrollback = (): string[] => lines(0, terminal.buffer.active.baseY);
  return {
    write: (text) => new Promise((resolve) => terminal.write(text, resolve)),
    screen,
    scrollback,
    text: () => [...scrollback(), ...screen()].join('\n').trimEnd(),
    cursor: () => ({ column: terminal.buffer.active.cursorX, row: terminal.buffer.active.cursorY }),
    isCursorShown: () => isCursorShown,
    resize: (size) => terminal.resize(size.columns, size.rows),
    wasErasedWhole: () => wasErasedWhole,
  };
};

/** A stream that is a terminal in memory. As the system does for a real one, it begins a new line at its left. */
export const terminalStream = (size: TerminalSize) => {
  const emulator = createEmulator(size);
  const writes: string[] = [];
  /** The screen after each write. */
  const pictures: string[] = [];
  let shown = Promise.resolve();
  const stream = new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, written) => {
      writes.push(text);
      shown = shown
        .then(() => emulator.write(text.replaceAll('\n', '\r\n')))
        .then(() => void pictures.push(emulator.screen().join('\n').trimEnd()));
      written();
    },
  });
  return Object.assign(stream, size, {
    isTTY: true,
    emulator,
    writes,
    pictures,
    /** Resolves when all that was written is on the screen. */
    shown: () => shown,
    resizeTo: (to: TerminalSize): void => {
      emulator.resize(to);
      Object.assign(stream, to);
      stream.emit('resize');
    },
  });
};

export type Terminal = Omit<Emulator, 'write'> & {
  readonly pid: number;
  /** All that the program has written. */
  readonly raw: () => string;
  /** Resolves as soon as the screen is such as is looked for; rejects with the screen if the program ends before. */
  readonly until: (seen: string | RegExp | ((screen: string) => boolean)) => Promise<void>;
  /** Types: `'\x03'` is Ctrl-C. */
  readonly send: (keys: string) => void;
  /** Sends a signal to the program. */
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ readonly exitCode: number; readonly signal: number | undefined }>;
};

/** Starts a program in a pseudo-terminal of its own. `env` is all of its environment beside PATH and HOME, and TERM unless given. */
export const openTerminal = (
  command: string,
  args: readonly string[],
  { columns, rows, env = {}, cwd = process.cwd() }: TerminalSize & { env?: Record<string, string>; cwd?: string },
): Terminal => {
  const { PATH, HOME } = process.env;
  const pty = spawn(command, [...args], {
    name: env.TERM ?? 'xterm-256color',
    cols: columns,
    rows,
    cwd,
    env: { PATH, HOME, ...env },
  });
  const emulator = createEmulator({ columns, rows });
  const changed = new EventEmitter();
  let raw = '';
  let shown = Promise.resolve();
  const show = (act: () => Promise<void> | void): void => {
    shown = shown.then(act).then(() => void changed.emit('change'));
  };
  pty.onData((text) => {
    raw += text;
    show(() => emulator.write(text));
  });
  const ended = new Promise<{ exitCode: number; signal: number | undefined }>((resolve) => {
    pty.onExit(({ exitCode, signal }) => void shown.then(() => resolve({ exitCode, signal })));
  });

  return {
    ...emulator,
    pid: pty.pid,
    raw: () => raw,
    until: (seen) =>
      new Promise((resolve, reject) => {
        const matches = (screen: string): boolean => {
          if (typeof seen === 'function') return seen(screen);
          return typeof seen === 'string' ? screen.includes(seen) : seen.test(screen);
        };
        const look = (): void => {
          if (!matches(emulator.screen().join('\n'))) return;
          changed.off('change', look);
          resolve();
        };
        changed.on('change', look);
        look();
        void ended.then(() => reject(new Error(`It ended before ${seen} was seen:\n${emulator.text()}`)));
      }),
    send: (keys) => pty.write(keys),
    kill: (signal) => process.kill(pty.pid, signal),
    resize: (size) => {
      show(() => emulator.resize(size));
      pty.resize(size.columns, size.rows);
    },
    ended,
  };
};
