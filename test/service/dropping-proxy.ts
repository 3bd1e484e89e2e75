import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type DroppingProxy = {
  readonly url: string;
  /** The statuses of all answers, those that were dropped too. */
  readonly statuses: readonly number[];
  readonly dropped: () => number;
};

/** Passes requests on to a server, and drops a share of the answers, by closing the connection. Ends with the test. */
export const droppingProxy = async (target: string, share: number, random: () => number): Promise<DroppingProxy> => {
  const agent = new Agent({ keepAlive: true });
  const statuses: number[] = [];
  let dropped = 0;
  const proxy = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const passed = request(new URL(url, target), { method, headers, agent }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      statuses.push(answer.statusCode ?? 0);
      if (random() < share) {
        dropped++;
        outgoing.destroy();
      } else {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(chunks));
      }
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => outgoing.writableFinished || passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
    agent.destroy();
  });
  const { port } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, statuses, dropped: () => dropped };
};
