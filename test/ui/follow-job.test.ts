import './stand-ins.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FollowedJob, followJob } from '../../ui/src/job/follow-job.ts';
import { columns } from './columns.ts';

/** A stream of which the server says only that the page is to take a new view. */
class ResettingStream extends EventTarget {
  static readonly CLOSED = 2;
  readonly readyState = 1;
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(new MessageEvent('reset', { data: '{"reason":"slow"}' })));
  }
  close(): void {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', ResettingStream);
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('removeEventListener', () => {});
});

afterEach(() => {
  vi.useRealTimers();
});

/** Follows a job whose views are answered so; `times` are those of the requests, in ms since the first. */
const following = (answer: () => Response) => {
  const begun = Date.now();
  const times: number[] = [];
  const changes: Partial<FollowedJob>[] = [];
  vi.stubGlobal('fetch', async () => {
    times.push(Date.now() - begun);
    return answer();
  });
  const stop = followJob('j', (change) => changes.push(change));
  return { times, changes, stop };
};

test('a server that resets each view is asked once a second', async () => {
  const { times, stop } = following(() => Response.json(columns([{ name: 'a' }])));
  await vi.advanceTimersByTimeAsync(3500);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(times).toEqual([0, 1000, 2000, 3000]);
});

test('a server that names a time to ask again is not asked before', async () => {
  const { times, changes, stop } = following(() =>
    Response.json({ code: 'RATE_LIMITED' }, { status: 429, headers: { 'retry-after': '7' } }),
  );
  await vi.advanceTimersByTimeAsync(15_000);
  stop();
  expect(times).toEqual([0, 7000, 14_000]);
  expect(changes.at(-1)).toMatchObject({ connection: 'lost', error: { status: 429 } });
});
