import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type CuttingProxy = {
  readonly url: string;
  /** How many connections it has cut. */
  readonly cuts: () => number;
};

/**
 * Passes connections on to a server, and cuts each of them when so many bytes have come back, wherever in an event that
 * is. A connection that the server loses is lost here, too. Ends with the test.
 */
export const cuttingProxy = async (target: string, bytes: () => number): Promise<CuttingProxy> => {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  let cuts = 0;
  const proxy = createServer((incoming) => {
    const outgoing = connect(Number(port), hostname);
    const both = [incoming, outgoing];
    const end = (): void => {
      for (const socket of both) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    let left = bytes();
    incoming.pipe(outgoing);
    outgoing.on('data', (chunk: Buffer) => {
      if (left <= 0) return;
      left -= chunk.length;
      if (left > 0) {
        incoming.write(chunk);
        return;
      }
      cuts++;
      incoming.write(chunk.subarray(0, chunk.length + left), end);
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cuts: () => cuts };
};
