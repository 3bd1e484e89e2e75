import type { Readable, Writable } from 'node:stream';

/** A command's streams, environment and signals; taken from `process` outside tests. */
export type CliIo = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Returns the stream whose lines complete external tasks; absent if there is none. */
  readonly stdin?: () => Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How messages are written: as text or, of `json`, as a JSON value for each. Default `pretty`. */
  readonly logFormat?: 'pretty' | 'json' | undefined;
  /** Emits SIGINT, SIGTERM and SIGHUP. */
  readonly signals: {
    readonly on: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown;
    readonly off: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown;
  };
};

export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
