import './stand-ins.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Connection, listen } from '../../ui/src/api/listen.ts';

class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 0;
  onopen?: () => void;
  onerror?: () => void;
  isClosed = false;
  readonly url: string;
  constructor(url: string) {
    super();
    this.url = url;
    Stream.opened.push(this);
  }
  close(): void {
    this.isClosed = true;
  }
  say(type: string): void {
    this.dispatchEvent(new MessageEvent(type, { data: '{}', lastEventId: '1' }));
  }
}

const newest = (): Stream => Stream.opened.at(-1) as Stream;
const page = new EventTarget();

beforeEach(() => {
  vi.useFakeTimers();
  Stream.opened = [];
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
});

afterEach(() => {
  vi.useRealTimers();
});

const listening = () => {
  const connections: Connection[] = [];
  const heard: string[] = [];
  let turn = 0;
  const { close } = listen({
    url: () => `/stream?${turn++}`,
    events: { patch: (_, id) => heard.push(id), end: () => undefined },
    onConnection: (connection) => connections.push(connection),
    last: ['end'],
  });
  return { close, connections, heard };
};

test('a stream that is refused is asked for less and less often, one that was cut soon', () => {
  const { close } = listening();
  const pauses: number[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    const before = Stream.opened.length;
    newest().onerror?.();
    let pause = 0;
    for (; Stream.opened.length === before; pause += 500) vi.advanceTimersByTime(500);
    pauses.push(pause);
  }
  expect(pauses).toEqual([1000, 2000, 4000, 5000, 5000, 5000]);
  newest().say('patch');
  newest().onerror?.();
  vi.advanceTimersByTime(1000);
  expect(Stream.opened).toHaveLength(8);
  close();
});

test('it says when it is lost and found, and asks for each new stream where to go on', () => {
  const { close, connections } = listening();
  newest().onopen?.();
  page.dispatchEvent(new Event('offline'));
  page.dispatchEvent(new Event('online'));
  newest().onopen?.();
  expect(connections).toEqual(['live', 'lost', 'live']);
  expect(Stream.opened.map(({ url, isClosed }) => [url, isClosed])).toEqual([
    ['/stream?0', true],
    ['/stream?1', false],
  ]);
  close();
});

test('what comes of a stream that was left is not heard', () => {
  const { close, heard } = listening();
  const first = newest();
  vi.advanceTimersByTime(40_000);
  first.say('patch');
  expect([first.isClosed, heard]).toEqual([true, []]);
  newest().say('patch');
  expect(heard).toEqual(['1']);
  close();
});

test('a quiet stream stays open as long as it is pinged; after a silence it is lost, and opened anew', () => {
  const { close, connections } = listening();
  newest().onopen?.();
  for (let seconds = 0; seconds < 600; seconds += 15) {
    vi.advanceTimersByTime(15_000);
    newest().say('ping');
  }
  expect([Stream.opened.length, connections]).toEqual([1, ['live']]);
  vi.advanceTimersByTime(40_000);
  newest().onopen?.();
  expect([Stream.opened.length, connections]).toEqual([2, ['live', 'lost', 'live']]);
  close();
});

test('after the end, and after it is closed, no stream is opened any more', () => {
  const { connections } = listening();
  newest().say('end');
  const { close } = listening();
  close();
  page.dispatchEvent(new Event('online'));
  vi.advanceTimersByTime(600_000);
  expect([Stream.opened.length, connections]).toEqual([2, ['over']]);
  expect(Stream.opened.every(({ isClosed }) => isClosed)).toBe(true);
});

test('what the server can not answer as it was asked is over, and nothing is lost', async () => {
  vi.stubGlobal('fetch', async () => new Response('{}', { status: 400 }));
  const { connections } = listening();
  newest().readyState = Stream.CLOSED;
  newest().onerror?.();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([Stream.opened.length, connections]).toEqual([1, ['over']]);
});
