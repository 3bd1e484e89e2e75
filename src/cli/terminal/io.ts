import type { Readable, Writable } from 'node:stream';

/** What a command has of the world; `process` has all of it. */
export type CliIo = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Where a person, or a program, completes external tasks. Default: nobody does. */
  readonly stdin?: () => Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where SIGINT, SIGTERM and SIGHUP are heard. */
  readonly signals: {
    readonly on: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown;
    readonly off: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown;
  };
};

export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
