/** One client's stream: a queue of bytes that the connection empties. */
export type ClientStream = {
  readonly body: ReadableStream<Uint8Array>;
  readonly isOver: () => boolean;
  /** Whether the connection has taken all that was written. */
  readonly isEmpty: () => boolean;
  /**
   * Adds bytes. If more than MAX_QUEUED_BYTES wait already, the client is cut instead: it comes back by its last id. With
   * `slow`, it gets that instead, and the stream ends.
   */
  readonly write: (bytes: Uint8Array) => void;
  /** Resolves when the connection has taken almost all that was written, or the stream is over. */
  readonly drained: () => Promise<void>;
  /** Ends the stream after what was written. */
  readonly end: () => void;
};

export type ClientStreamOptions = {
  /** Called once, when the stream has ended, was cut, or the client has gone. */
  readonly onOver: () => void;
  /** Called when the client reads too slowly, so that it is cut. */
  readonly onCut?: (() => void) | undefined;
  /** Destroys the connection. Default: the stream fails, which leaves that to whoever reads it. */
  readonly disconnect?: (() => void) | undefined;
  /** What a client gets that reads too slowly, and a function that calls another when it should have read that. */
  readonly slow?: { readonly bytes: Uint8Array; readonly later: (cut: () => void) => void } | undefined;
};

/** How many bytes may wait for a slow client. */
export const MAX_QUEUED_BYTES = 1024 * 1024;

/** How many bytes wait at most when events of the past are read for a client. */
const FEW_BYTES = 64 * 1024;

/** Creates a stream. A plain `ReadableStream` that is written to takes a quarter of the memory of the framework's own helper. */
export const clientStream = ({ onOver, onCut, disconnect, slow }: ClientStreamOptions): ClientStream => {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let isOver = false;
  let wake: (() => void) | undefined;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    wake?.();
    onOver();
  };
  const queued = (): number => MAX_QUEUED_BYTES - (controller.desiredSize ?? MAX_QUEUED_BYTES);
  const body = new ReadableStream<Uint8Array>(
    {
      start: (made) => {
        controller = made;
      },
      pull: () => {
        if (queued() <= FEW_BYTES) wake?.();
      },
      cancel: over,
    },
    { highWaterMark: MAX_QUEUED_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
  );
  const cut = (): void => {
    over();
    if (disconnect) disconnect();
    else controller.error(new Error('The client reads too slowly.'));
  };
  const end = (): void => {
    if (isOver) return;
    over();
    controller.close();
  };
  const leaveBehind = (): void => {
    onCut?.();
    if (!slow) {
      cut();
      return;
    }
    controller.enqueue(slow.bytes);
    end();
    slow.later(() => {
      if (queued() > 0) cut();
    });
  };
  return {
    body,
    isOver: () => isOver,
    isEmpty: () => queued() <= 0,
    write: (bytes) => {
      if (isOver) return;
      if (queued() >= MAX_QUEUED_BYTES) leaveBehind();
      else controller.enqueue(bytes);
    },
    drained: async () => {
      while (!isOver && queued() > FEW_BYTES)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      wake = undefined;
    },
    end,
  };
};
