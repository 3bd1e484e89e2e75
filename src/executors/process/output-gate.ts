import type { Readable } from 'node:stream';

/** Backpressure: while the gate is closed (slow terminal), output is not read, so processes block on full pipes. */
export type OutputGate = {
  readonly isOpen: () => boolean;
  readonly open: () => void;
  readonly close: () => void;
  /** Pauses a flowing stream whenever the gate is closed. Returns a function that detaches and resumes the stream. */
  readonly hold: (stream: Readable) => () => void;
};

export const outputGate = (): OutputGate => {
  const streams = new Set<Readable>();
  let isOpen = true;
  const set = (open: boolean): void => {
    isOpen = open;
    for (const stream of streams) {
      if (open) stream.resume();
      else stream.pause();
    }
  };
  return {
    isOpen: () => isOpen,
    open: () => set(true),
    close: () => set(false),
    hold: (stream) => {
      // Node.js resumes the streams of a child process when the process exits.
      const pause = (): void => {
        if (!isOpen) stream.pause();
      };
      streams.add(stream);
      stream.on('resume', pause);
      pause();
      return () => {
        streams.delete(stream);
        stream.off('resume', pause);
        stream.resume();
      };
    },
  };
};
