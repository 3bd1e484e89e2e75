/** Number of frames to capture: the package's own may take more than V8's default of 10 before the program's first. */
const DEPTH = 100;

/**
 * Returns a stack with the program's frames first and the package's own folded into one line. `omit`: the constructor of
 * the error. Returns `undefined` if there is nothing to fold, or if a bundle holds tintype and the program in one file.
 */
export const foldedStack = (header: string, omit?: abstract new (...args: never) => unknown): string | undefined => {
  try {
    const frames = captured(omit);
    return frames[0] !== undefined && isOwn(frames[0]) ? [header, ...folded(frames)].join('\n') : undefined;
  } catch {
    return undefined; // Such as a runtime without captureStackTrace, or a limit that can't be set.
  }
};

/** Returns a stack with the frames of what the program threw; `undefined` if it shows none. */
export const foldedStackOf = (thrown: unknown, header: string): string | undefined => {
  try {
    const { stack, message } = thrown as Error;
    if (typeof stack !== 'string' || ownPlace() === undefined) return undefined;
    // The message itself may hold lines that look like frames.
    const lines = folded(
      stack
        .slice(Math.max(0, stack.indexOf(message)) + message.length)
        .split('\n')
        .filter(isFrame),
    );
    return lines[0] === undefined || FOLD.test(lines[0]) ? undefined : [header, ...lines].join('\n');
  } catch {
    return undefined;
  }
};

/** Returns whether a stack shows no frame of the program. */
export const isAllFolded = ({ message, stack = '' }: Error): boolean =>
  FOLD.test(stack.slice(stack.indexOf(message) + message.length + 1));

const captured = (omit: (abstract new (...args: never) => unknown) | undefined): readonly string[] => {
  const limit = Error.stackTraceLimit;
  if (!(limit > 0) || ownPlace() === undefined) return [];
  const holder: { readonly stack?: string } = {};
  try {
    Error.stackTraceLimit = DEPTH;
    Error.captureStackTrace(holder, omit);
  } finally {
    Error.stackTraceLimit = limit;
  }
  return String(holder.stack).split('\n').filter(isFrame);
};

const isFrame = (line: string): boolean => /^\s+at /.test(line);

const FOLD = /^ {4}at … (\d+) frames? of tintype$/;

const folded = (frames: readonly string[]): readonly string[] => {
  const first = frames.findIndex(isProgram);
  const last = frames.findLastIndex(isProgram);
  const shown =
    first < 0
      ? []
      : [
          ...unlessOwn(frames.slice(0, first)),
          ...frames.slice(first, last + 1).filter((frame) => !isOwn(frame)),
          ...unlessOwn(frames.slice(last + 1)),
        ];
  const count = frames.reduce((sum, frame) => sum + Number(FOLD.exec(frame)?.[1] ?? 1), 0) - shown.length;
  const fold = count === 0 ? [] : [`    at … ${count} ${count === 1 ? 'frame' : 'frames'} of tintype`];
  return [...shown.slice(0, Error.stackTraceLimit), ...fold];
};

/** Returns frames before or after the program's, unless tintype's are among them, which called the others. */
const unlessOwn = (frames: readonly string[]): readonly string[] => (frames.some(isOwn) ? [] : frames);

const isProgram = (frame: string): boolean => !isOwn(frame) && !BENEATH.test(frame);

/** Frames of Node.js, of the language, and of the libraries that tintype runs on. */
const BENEATH = /\(<anonymous>\)$|[( ]node:|[\\/]node_modules[\\/](?:rxjs|xstate|immer)[\\/]/;

const isOwn = (frame: string): boolean => frame.includes(ownPlace() ?? '\n') || FOLD.test(frame);

let place: string | null | undefined;

/** Returns the folder of the package's code as stacks show it; `undefined` if this file is part of a bundle. */
const ownPlace = (): string | undefined => {
  if (place === undefined) place = HERE.exec(String(new Error().stack).split('\n').find(isFrame) ?? '')?.[1] ?? null;
  return place ?? undefined;
};

const HERE = /^\s+at (?:.*? \()?(.+[\\/])engine[\\/]errors[\\/]stack\.[jt]s:\d+:\d+\)?$/;
