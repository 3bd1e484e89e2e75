import type { Server } from '../../src/server/create-server.ts';
import { comingFrom } from './server.ts';

/** What a client of a stream gets. */
export type Frame = { readonly id: number | undefined; readonly type: string; readonly data: unknown };

export type EventSource = {
  readonly status: number;
  readonly headers: Headers;
  /** Returns the next frame; undefined after the end. Comments are left out. */
  readonly next: () => Promise<Frame | undefined>;
  readonly take: (count: number) => Promise<readonly Frame[]>;
  /** Returns all frames until the end. */
  readonly rest: () => Promise<readonly Frame[]>;
  /** All bytes that have come so far, as text. */
  readonly text: () => string;
  readonly close: () => Promise<void>;
};

/** Opens a stream of a server without a port. The path is that after `/api/v1`. */
export const listen = async (
  server: Pick<Server, 'fetch'>,
  path: string,
  { id, token, cookie }: { readonly id?: number | undefined; readonly token?: string; readonly cookie?: string } = {},
): Promise<EventSource> => {
  const answer = await server.fetch(
    new Request(`http://localhost/api/v1${path}`, {
      headers: {
        accept: 'text/event-stream',
        ...(id !== undefined && { 'last-event-id': String(id) }),
        ...(cookie !== undefined && { cookie }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
    }),
    comingFrom('127.0.0.1'),
  );
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  const frames: Frame[] = [];
  let text = '';
  let parsed = 0;

  /** Returns whether there was more to read. */
  const read = async (): Promise<boolean> => {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (value) text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf('\n\n', parsed); end >= 0; end = text.indexOf('\n\n', parsed)) {
      const frame = frameIn(text.slice(parsed, end));
      if (frame) frames.push(frame);
      parsed = end + 2;
    }
    return !done;
  };

  const next = async (): Promise<Frame | undefined> => {
    while (frames.length === 0) if (!(await read())) break;
    return frames.shift();
  };

  return {
    status: answer.status,
    headers: answer.headers,
    next,
    take: async (count) => {
      const taken: Frame[] = [];
      for (let frame = count > 0 && (await next()); frame; frame = taken.length < count && (await next()))
        taken.push(frame);
      return taken;
    },
    rest: async () => {
      while (await read());
      return frames.splice(0);
    },
    text: () => text,
    close: async () => reader?.cancel(),
  };
};

/** Reads one frame, as the standard for server-sent events says; undefined if it dispatches nothing, or is a ping. */
const frameIn = (text: string): Frame | undefined => {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    if (at !== 0) fields.set(line.slice(0, at), line.slice(at + 1).replace(/^ /, ''));
  }
  const data = fields.get('data');
  if (data === undefined || fields.get('event') === 'ping') return undefined;
  const id = fields.get('id');
  return {
    id: id === undefined ? undefined : Number(id),
    type: fields.get('event') ?? 'message',
    data: JSON.parse(data),
  };
};
