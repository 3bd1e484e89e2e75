import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { chromium as playwright } from 'playwright-core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { inspectToFile, inspectToSocket, type SocketInspection } from '../../src/inspect.ts';
import { chromium } from '../support/chromium.ts';
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

/** Asks for a WebSocket at a path of the server, the inspection's own by default. */
const asked = ({ url }: SocketInspection, path = new URL(url).pathname): Socket => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  const headers = {
    Host: hostname,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return socket;
};

/** The first line of what the server answers. */
const answerAt = async (inspection: SocketInspection, path?: string): Promise<string> => {
  const socket = asked(inspection, path);
  const [data] = await once(socket, 'data');
  socket.destroy();
  return data.toString().split('\r\n', 1)[0];
};

test('only who knows the key in the address gets the events or the page', async () => {
  await using inspection = await inspectToSocket();
  const { pathname } = new URL(inspection.url);
  expect(await answerAt(inspection)).toBe('HTTP/1.1 101 Switching Protocols');
  expect(await answerAt(inspection, '/')).toBe('HTTP/1.1 404 Not Found');
  expect(await answerAt(inspection, `${pathname}x`)).toBe('HTTP/1.1 404 Not Found');
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

/** An event of an actor that has received `text`. */
const eventWith = (text: string): { readonly type: string } => {
  const actorRef = { sessionId: 'x:0' };
  return { type: '@xstate.event', actorRef, rootId: 'x:0', event: { type: text } } as { readonly type: string };
};

const MIB = 2 ** 20;

test('a burst of events reaches who reads; who leaves 16 MiB unread for 10 s is cut off', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  await using inspection = await inspectToSocket({ replay: 0 });
  const idle = asked(inspection);
  await once(idle, 'data');
  idle.pause();
  const events = received(inspection);
  await vi.waitUntil(() => {
    inspection.next(eventWith('hello'));
    return events.length > 0;
  }, 20_000);
  const length = (): number => events.filter(({ event }) => event?.type.length === MIB).length;
  for (let count = 0; count < 40; count++) inspection.next(eventWith('x'.repeat(MIB)));
  await vi.waitUntil(() => length() === 40, 30_000);
  vi.setSystemTime(Date.now() + 11_000);
  inspection.next(eventWith('x'.repeat(MIB)));
  await vi.waitUntil(() => length() === 41, 20_000);
  let bytes = 0;
  idle.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  await once(idle.resume(), 'close');
  expect(bytes).toBeLessThan(41 * MIB);
});

/** Stands for the page of stately.ai: says that it is ready, and collects what it is sent. */
const PICTURE = `<script>
  window.received = [];
  addEventListener('message', ({ data }) => received.push(data));
  parent.postMessage({ type: '@statelyai.connected' }, '*');
</script>`;

test.skipIf(chromium === undefined)('the page passes all events on to the frame of stately.ai', async () => {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const executablePath = execFileSync('sh', ['-c', `command -v ${chromium}`], { encoding: 'utf8' }).trim();
  const browser = await playwright.launch({ executablePath, args });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => void complaints.push(message.text()));
  const referrers: (string | undefined)[] = [];
  await page.route('https://stately.ai/**', (route) => {
    referrers.push(route.request().headers().referer);
    return route.fulfill({ contentType: 'text/html', body: PICTURE });
  });
  await using inspection = await inspectToSocket();
  await smoothie.start({}, { inspect: inspection });
  await page.goto(inspection.page);
  const shown = (): Promise<Inspected[]> | undefined =>
    page.frame({ url: 'https://stately.ai/inspect' })?.evaluate('received') as Promise<Inspected[]> | undefined;
  await vi.waitUntil(async () => (await shown())?.length === SMOOTHIE_EVENTS, 20_000);
  expect(Object.values(storiesOf((await shown()) ?? []))).toEqual([COMPLETED_JOB, ...Array(4).fill(COMPLETED_TASK)]);
  expect(referrers).toEqual([undefined]);
  expect(complaints).toEqual([]);
});
