import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { wholeNumber } from '../schemas/query.ts';
import type { Env } from './env.ts';
import { invalidCursor } from './problem.ts';

/** The query parameters of a list. */
export const PageQuery = z.object({
  limit: wholeNumber(1, 500).default(50).meta({ description: 'Number of items of a page' }),
  cursor: z.string().max(2000).optional().meta({ description: '`nextCursor` of the page before' }),
});

/** The schema of a page of items. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null on the last page' }),
  });

/** Encodes where the next page begins, together with the filter, so that another filter refuses it. */
export const cursorOf = (filter: unknown, place: unknown): string =>
  Buffer.from(JSON.stringify([hashOf(filter), place])).toString('base64url');

/** Decodes a cursor; undefined if there is none. @throws HttpProblem `INVALID_CURSOR` */
export const placeIn = <Place>(
  filter: unknown,
  cursor: string | undefined,
  place: z.ZodType<Place>,
): Place | undefined => {
  if (cursor === undefined) return undefined;
  let known: unknown;
  try {
    known = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {}
  const [hash, at] = Array.isArray(known) ? known : [];
  const read = place.safeParse(at);
  if (hash === hashOf(filter) && read.success) return read.data;
  throw invalidCursor();
};

/** Answers a page, with a link to the next one. */
export const answerPage = <Item>(
  context: Context<Env>,
  items: readonly Item[],
  nextCursor: string | undefined,
): { readonly items: Item[]; readonly nextCursor: string | null } => {
  if (nextCursor !== undefined) {
    const { searchParams } = new URL(context.req.url);
    searchParams.set('cursor', nextCursor);
    // Relative, so that it is right wherever the service is mounted.
    context.header('link', `<?${searchParams}>; rel="next"`);
  }
  return { items: [...items], nextCursor: nextCursor ?? null };
};

const hashOf = (filter: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(filter, (_key, value) => value ?? null))
    .digest('base64url')
    .slice(0, 12);
