import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import type { Listener } from '../feed/listeners.ts';
import type { Env } from '../http/env.ts';

/** The header of a client that continues a stream. */
export const Resume = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{1,15}$/, 'expected the id of an event')
    .optional()
    .meta({ description: 'Of a stream: the id of the last event that the client has' }),
});

/** The answer of a route that has a page, and a stream of what follows. */
export const streamOr = <Schema extends z.ZodType>(page: Schema) => ({
  description: 'A page, or for `Accept: text/event-stream` a stream, with a `ping` after 15 s of silence',
  content: { 'application/json': { schema: page }, 'text/event-stream': { schema: z.string() } },
});

/** Whether a client asks for the stream of a route that also answers JSON. */
export const wantsStream = (context: Context<Env>): boolean =>
  accepts(context, {
    header: 'Accept',
    supports: ['application/json', 'text/event-stream'],
    default: 'application/json',
  }) === 'text/event-stream';

/** The framework answers HEAD by the route of GET, and drops the body: nobody would ever end it. */
export const isHead = (context: Context<Env>): boolean => context.req.raw.method === 'HEAD';

/** Who listens, and from where. `after`: as the query says. */
export const listenerOf = (context: Context<Env>, after: number | undefined): Listener => {
  const id = context.req.header('last-event-id');
  const outgoing = context.env?.outgoing;
  return {
    principal: context.get('principal'),
    session: context.get('session')?.id,
    after: id === undefined ? after : Number(id),
    disconnect: outgoing && (() => void outgoing.destroy()),
  };
};

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx holds answers back otherwise.
  'x-accel-buffering': 'no',
};

export const streamed = (body: ReadableStream<Uint8Array>): Response => new Response(body, { headers: STREAM_HEADERS });

export const noBody = (): Response => new Response(null, { headers: STREAM_HEADERS });

/**
 * Answers with a file to be saved, whose text is read as fast as the client takes it. Characters of the name that a file
 * system may not like become `_`.
 */
export const savedFile = (
  context: Context<Env>,
  texts: AsyncGenerator<string, void, void>,
  { type, name }: { readonly type: string; readonly name: string },
): Response =>
  new Response(isHead(context) ? null : bytesOf(texts), {
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-disposition': `attachment; filename="${name.replaceAll(/[^\w.-]/g, '_')}"`,
    },
  });

const bytesOf = (texts: AsyncGenerator<string, void, void>): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await texts.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      await texts.return();
    },
  });
};
