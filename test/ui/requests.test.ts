import './stand-ins.ts';
import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, isPassing, request } from '../../ui/src/api/request.ts';

afterEach(() => vi.unstubAllGlobals());

const answers = (answer: () => Response | Promise<Response>) => {
  const asked = vi.fn(async (_url: string, _init: RequestInit) => answer());
  vi.stubGlobal('fetch', asked);
  return asked;
};

const refusal = async (): Promise<unknown> => {
  const error = await request('/jobs').catch((error: unknown) => error);
  return error instanceof ApiError && { ...error, isPassing: isPassing(error) };
};

test.each([
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
] as const)('%s has the header that other pages may not send', async (method) => {
  const asked = answers(() => new Response(null, { status: 204 }));
  expect(await request('/jobs', { method })).toBeUndefined();
  expect(asked.mock.calls[0]?.[1].headers).toMatchObject({ 'x-tintype-csrf': '1' });
});

test('a connection that is cut before the answer or within it is the same', async () => {
  const within = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode('{"items":['));
      controller.error(new TypeError('terminated'));
    },
  });
  for (const answer of [() => Promise.reject(new TypeError('fetch failed')), () => new Response(within)]) {
    answers(answer);
    expect(await refusal()).toMatchObject({ status: 0, code: 'UNREACHABLE', isPassing: true });
  }
});

test('a page of something else in between is said', async () => {
  answers(() => new Response('<html>Sign in</html>'));
  expect(await refusal()).toMatchObject({ code: 'NOT_JSON', isPassing: false });
});

test('the server says how long to wait', async () => {
  answers(() => Response.json({ code: 'RATE_LIMITED' }, { status: 429, headers: { 'retry-after': '7' } }));
  expect(await refusal()).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 7000, isPassing: true });
  answers(() => Response.json({}, { status: 403, headers: { 'retry-after': 'Mon, 30 Nov 2026 20:00:00 GMT' } }));
  expect(await refusal()).toMatchObject({ status: 403, retryAfterMs: 0, isPassing: false });
});

test('what the page gives up is no error of the server', async () => {
  const controller = new AbortController();
  answers(() => Promise.reject(controller.signal.reason));
  controller.abort(new Error('gone'));
  const given = await request('/jobs', { signal: controller.signal }).catch((error: unknown) => error);
  expect(given).not.toBeInstanceOf(ApiError);
});
