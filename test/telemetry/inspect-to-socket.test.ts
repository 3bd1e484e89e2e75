import { mkdtempSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { expect, test, vi } from 'vitest';
import { inspectToFile, inspectToSocket, type SocketInspection } from '../../src/inspect.ts';
import { COMPLETED_JOB, COMPLETED_TASK, type Inspected, storiesOf } from '../support/inspected.ts';
import { smoothie } from '../support/smoothie.ts';

/** Connects the receiver of `@statelyai/inspect`, which fills the array that is returned. */
const received = ({ url }: SocketInspection): readonly Inspected[] => {
  const events: Inspected[] = [];
  createWebSocketReceiver({ server: url }).subscribe((event) => void events.push(event as unknown as Inspected));
  return events;
};

const arrived = (events: readonly Inspected[], count: number): Promise<unknown> =>
  vi.waitUntil(() => events.length >= count, { timeout: 20_000 });

/** Of the smoothie: its job, and four tasks that complete. */
const SMOOTHIE_EVENTS = COMPLETED_JOB.length + 4 * COMPLETED_TASK.length;

test('a client on loopback receives what the file of the same job has', async () => {
  await using socket = await inspectToSocket();
  await using file = await inspectToFile(join(mkdtempSync(join(tmpdir(), 'tintype-inspect-')), 'smoothie.jsonl'));
  expect(socket.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/.{22}$/);
  const events = received(socket);
  const inspect = (event: { readonly type: string }): void => {
    socket.next(event);
    file.next(event);
  };
  const job = smoothie.start({}, { inspect });
  await job;
  await arrived(events, SMOOTHIE_EVENTS);
  await Promise.all([socket.close(), file.close()]);
  expect(storiesOf(events)).toEqual({
    [job.id]: COMPLETED_JOB,
    diceBanana: COMPLETED_TASK,
    diceMango: COMPLETED_TASK,
    blend: COMPLETED_TASK,
    garnish: COMPLETED_TASK,
  });
  const written = readFileSync(file.path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const timeless = (event: object): object => ({ ...event, createdAt: undefined });
  expect(events.map(timeless)).toEqual(written.map(timeless));
});

test('a client that connects late gets the last events, as many as `replay` says', async () => {
  await using all = await inspectToSocket();
  await using few = await inspectToSocket({ replay: 3 });
  await using none = await inspectToSocket({ replay: 0 });
  const inspections = [all, few, none];
  const inspect = (event: { readonly type: string }): void => {
    for (const inspection of inspections) inspection.next(event);
  };
  await smoothie.start({}, { inspect });
  const [late, short, empty] = inspections.map(received) as [Inspected[], Inspected[], Inspected[]];
  await Promise.all([arrived(late, SMOOTHIE_EVENTS), arrived(short, 3)]);
  await Promise.all(inspections.map((inspection) => inspection.close()));
  expect(late).toHaveLength(SMOOTHIE_EVENTS);
  expect(short.map(({ event, snapshot }) => `${event?.type} ${snapshot?.value}`)).toEqual([
    'job.finish undefined',
    'job.finish completed',
    'xstate.stop completed',
  ]);
  expect(empty).toEqual([]);
});

test('close sends what is under way, then disconnects; later clients find nobody', async () => {
  const inspection = await inspectToSocket();
  await smoothie.start({}, { inspect: inspection });
  const events = received(inspection);
  await arrived(events, 1);
  smoothie.start({}, { inspect: inspection });
  await inspection.close();
  await inspection.close();
  await expect(fetch(inspection.page)).rejects.toThrow();
  expect(events.length).toBeGreaterThanOrEqual(SMOOTHIE_EVENTS);
});

/** Asks for a WebSocket at a path, and resolves to the first line of the answer. */
const upgraded = (inspection: SocketInspection, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(inspection.url);
    const socket = connect(Number(port), hostname, () => {
      const key = Buffer.alloc(16).toString('base64');
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
    socket.on('error', reject);
    socket.on('data', (data) => {
      resolve(data.toString().split('\r\n', 1)[0] as string);
      socket.destroy();
    });
  });

test('only who knows the key in the address gets the events or the page', async () => {
  await using inspection = await inspectToSocket();
  const { pathname } = new URL(inspection.url);
  expect(await upgraded(inspection, pathname)).toBe('HTTP/1.1 101 Switching Protocols');
  expect(await upgraded(inspection, '/')).toBe('HTTP/1.1 404 Not Found');
  expect(await upgraded(inspection, `${pathname}x`)).toBe('HTTP/1.1 404 Not Found');
  expect((await fetch(new URL('/', inspection.page))).status).toBe(404);
  const page = await fetch(inspection.page);
  expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  expect(await page.text()).toContain('https://stately.ai/inspect');
});

test('a port or a host that can’t be had is refused, with the reason and what to do', async () => {
  await using inspection = await inspectToSocket();
  const port = Number(new URL(inspection.url).port);
  await expect(inspectToSocket({ port })).rejects.toMatchObject({
    code: 'INSPECTION_FAILED',
    message: `The port ${port} of 127.0.0.1 is in use. Name another one, or 0 for one that is free. (EADDRINUSE)`,
    cause: { code: 'EADDRINUSE' },
  });
  await expect(inspectToSocket({ host: '203.0.113.1' })).rejects.toMatchObject({ code: 'INSPECTION_FAILED' });
  await expect(inspectToSocket({ port: 65_536 })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('a whole number from 0 to 65,535'),
  });
});
