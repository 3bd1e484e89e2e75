import { createHash } from 'node:crypto';
import type { Handler } from 'hono';
import type { ServiceStore } from '../store/service-store.ts';
import type { Env } from './env.ts';
import { HttpProblem } from './problem.ts';

export type Once = {
  readonly store: ServiceStore;
  /** The time now, in epoch ms. */
  readonly now: () => number;
};

type Answer = {
  readonly hash: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
};

/** How long an answer is kept for repetitions of its request, in ms: 24 h. */
export const ANSWER_KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Does a request with an `Idempotency-Key` once: a repetition gets the first answer. The key counts within the token and
 * the route. Refusals are not kept, so that a request may be corrected and tried again.
 */
export const once = ({ store, now }: Once, operationId: string, answer: Handler<Env>): Handler<Env> => {
  const underWay = new Set<string>();
  return async (context, next) => {
    const key = context.req.header('idempotency-key');
    if (key === undefined) return answer(context, next);
    if (key === '' || key.length > MAX_KEY)
      throw new HttpProblem(400, 'INVALID_REQUEST', `Idempotency-Key must have 1 to ${MAX_KEY} characters.`);
    const name = sha256(`${context.get('principal').id}\0${operationId}\0${key}`);
    const hash = sha256(`${context.req.path}\0${await context.req.text()}`);
    if (underWay.has(name)) throw inProgress();
    underWay.add(name);
    try {
      const known = await store.get('request', name);
      if (known && (known.expiresAt ?? 0) > now()) {
        const first = JSON.parse(known.value) as Answer;
        if (first.hash !== hash) throw reused();
        return context.body(first.body, first.status as 200, { ...first.headers, 'idempotency-replayed': 'true' });
      }
      context.set('onceKey', `${name}${hash}`);
      const res: Response = await answer(context, next);
      const body = await res.clone().text();
      const headers = Object.fromEntries(
        KEPT.flatMap((header) => [[header, res.headers.get(header)]]).filter(([, value]) => value !== null),
      );
      const kept: Answer = { hash, status: res.status, headers, body };
      await store.put({
        kind: 'request',
        key: name,
        value: JSON.stringify(kept),
        at: now(),
        expiresAt: now() + ANSWER_KEPT_MS,
      });
      return res;
    } finally {
      underWay.delete(name);
    }
  };
};

/** The most characters that a key may have. */
export const MAX_KEY = 255;

/** The headers that are part of an answer. */
const KEPT = ['content-type', 'location', 'etag'];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

const inProgress = (): HttpProblem =>
  new HttpProblem(
    409,
    'IDEMPOTENCY_IN_PROGRESS',
    'The first request with this Idempotency-Key is still being done. Ask again.',
    {
      headers: { 'retry-after': '1' },
    },
  );

const reused = (): HttpProblem =>
  new HttpProblem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another request. Take a new one.');
