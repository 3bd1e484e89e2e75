import type { Readable } from 'node:stream';

/** Holds back what processes print, while whoever shows it can't keep up: their pipes fill, and they wait. */
export type OutputGate = {
  readonly isOpen: () => boolean;
  readonly open: () => void;
  readonly close: () => void;
  /** Puts a stream that flows behind the gate, until the returned function is called. */
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
      // Node.js itself lets the streams of a process flow when that exits.
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
