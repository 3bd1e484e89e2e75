import './stand-ins.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '../../ui/src/api/request.ts';
import { Pages } from '../../ui/src/lists/pages.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

type Asked = { readonly page: number; readonly answer: (text: string) => void; readonly fail: (error: Error) => void };

/** Pages of two rows; the list asks again for its first rows whenever it is drawn, as pages do. */
const list = (kept = 100) => {
  const asked: Asked[] = [];
  const pages: Pages<string> = new Pages<string>({
    size: 2,
    kept,
    ask: (page) =>
      new Promise((resolve, reject) => asked.push({ page, answer: (text) => resolve([...text]), fail: reject })),
    onChange: () => pages.need(0, 2),
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return { asked, pages, settle };
};

const last = (asked: readonly Asked[]): Asked => asked.at(-1) as Asked;

test('rows in sight are asked for once, and shown as they come', async () => {
  const { asked, pages, settle } = list();
  pages.need(1, 5);
  pages.need(0, 5);
  expect(asked.map(({ page }) => page)).toEqual([0, 1, 2]);
  asked[1]?.answer('cd');
  await settle();
  expect([pages.row(0), pages.row(2), pages.row(3)]).toEqual([undefined, 'c', 'd']);
});

test('a page that changes while it is asked for is asked for again, and shows what it had until then', async () => {
  const { asked, pages, settle } = list();
  pages.need(0, 2);
  pages.refresh();
  pages.need(0, 2);
  expect(asked).toHaveLength(1);
  last(asked).answer('ab');
  await settle();
  expect([asked.length, pages.row(0)]).toEqual([2, 'a']);
  last(asked).answer('xy');
  await settle();
  expect([asked.length, pages.row(0)]).toEqual([2, 'x']);
});

test('what is told of a row while its page is under way is not lost', async () => {
  const { asked, pages, settle } = list();
  pages.need(0, 4);
  asked[0]?.answer('ab');
  await settle();
  pages.change((row) => row.toUpperCase());
  asked[1]?.answer('cd');
  await settle();
  expect([0, 1, 2, 3].map((place) => pages.row(place))).toEqual(['A', 'B', 'C', 'D']);
});

test('a server that fails is asked less and less often, and no sooner than it wants', async () => {
  const { asked, pages, settle } = list();
  const fails = async (error: ApiError, pauseMs: number) => {
    const before = asked.length;
    last(asked).fail(error);
    await settle();
    expect(pages.error).toBe(error);
    await vi.advanceTimersByTimeAsync(pauseMs - 1);
    expect(asked.length).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked.length).toBe(before + 1);
  };
  pages.need(0, 2);
  await fails(new ApiError(0, 'UNREACHABLE', ''), 1000);
  await fails(new ApiError(503, 'STARTING', ''), 2000);
  await fails(new ApiError(429, 'RATE_LIMITED', '', { retryAfterMs: 9000 }), 9000);
  last(asked).answer('ab');
  await settle();
  expect([pages.error, pages.row(1)]).toEqual([undefined, 'b']);
});

test('rows stay when they can not be asked for again, and come once they can', async () => {
  const { asked, pages, settle } = list();
  pages.need(0, 2);
  last(asked).answer('ab');
  await settle();
  pages.refresh();
  pages.need(0, 2);
  last(asked).fail(new ApiError(0, 'UNREACHABLE', ''));
  await settle();
  expect(pages.row(0)).toBe('a');
  await vi.advanceTimersByTimeAsync(1000);
  last(asked).answer('xy');
  await settle();
  expect(pages.row(0)).toBe('x');
});

test('what is refused is not asked for again until something has changed', async () => {
  const { asked, pages, settle } = list();
  pages.need(0, 2);
  last(asked).fail(new ApiError(403, 'FORBIDDEN', ''));
  await settle();
  await vi.advanceTimersByTimeAsync(60_000);
  pages.need(0, 2);
  expect(asked).toHaveLength(1);
  pages.refresh();
  pages.need(0, 2);
  expect(asked).toHaveLength(2);
});

test('pages far from the one in sight are forgotten', async () => {
  const { asked, pages, settle } = list(6);
  for (let page = 0; page < 8; page += 1) {
    pages.need(page * 2, page * 2 + 2);
    last(asked).answer('ab');
    await settle();
  }
  expect([pages.row(2), pages.row(14)]).toEqual([undefined, 'a']);
});
