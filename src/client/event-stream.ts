import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { ClientOptions, Open } from './request.ts';
import { errorOf, isSuccess, ServiceError } from './service-error.ts';

/** Something that a stream sent. */
export type StreamedEvent = {
  /** Pass it on as `after`, to continue behind this one. Absent for `snapshot` and `reset`. */
  readonly id: string | undefined;
  /** The type of the event of a job, or `snapshot`, or `reset`: what lies between is no longer kept. */
  readonly type: string;
  readonly data: unknown;
};

export type StreamOptions = {
  /** The id of the last event that is known. Default: of all jobs, those from now on; of one job, from its first. */
  readonly after?: string | number | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Yields the events of a stream, and connects again where it breaks, behind the last id: at once, but after the time that
 * the server names if two in a row have brought nothing new. Ends when the job is over.
 */
export async function* events(
  { open, sleep }: { readonly open: Open; readonly sleep: NonNullable<ClientOptions['sleep']> },
  path: string,
  { after, query, signal }: StreamOptions,
): AsyncGenerator<StreamedEvent, void, void> {
  let last = after === undefined ? undefined : String(after);
  let retryMs = RETRY_MS;
  let empty = 0;
  for (let failures = 0; ; ) {
    let answer: Response | undefined;
    try {
      const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) };
      answer = await open('GET', path, { query, signal, headers });
    } catch (error) {
      if (signal?.aborted) return;
      if (++failures > MAX_FAILURES)
        throw new ServiceError({ code: 'UNREACHABLE', status: 0, detail: String(error) }, { cause: error });
    }
    if (answer && !isSuccess(answer)) {
      const error = await errorOf(answer);
      if (![429, 502, 503, 504, 507].includes(error.status) || ++failures > MAX_FAILURES) throw error;
    }
    if (answer?.status === 204) return;
    if (answer?.ok && answer.body) {
      failures = 0;
      empty++;
      const notes = { onId: (id: string) => (last = id), onRetry: (ms: number) => (retryMs = ms) };
      for await (const message of messagesIn(answer.body, signal, notes)) {
        if (message.id !== undefined && message.id !== last) {
          last = message.id;
          empty = 0;
        }
        // It says that the stream is not dead, and nothing else.
        if (message.event === 'ping') continue;
        yield { id: message.id, type: message.event ?? 'message', data: JSON.parse(message.data) };
      }
      // The stream of a job ends with the job: asked again, it answers 204.
    }
    if (signal?.aborted) return;
    const waitMs = failures > 0 ? Math.random() * Math.min(10_000, 200 * 2 ** failures) : empty < 2 ? 0 : retryMs;
    await sleep(waitMs, signal).catch(() => {});
    if (signal?.aborted) return;
  }
}

const MAX_FAILURES = 10;

/** How long to wait before connecting again, in ms, until the server says how long. */
const RETRY_MS = 2_000;

type Notes = {
  /** Called with the id of the first frame, if that is no event: where a stream of what happens from now on begins. */
  readonly onId: (id: string) => void;
  readonly onRetry: (ms: number) => void;
};

async function* messagesIn(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
  { onId, onRetry }: Notes,
): AsyncGenerator<EventSourceMessage, void, void> {
  const found: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => found.push(message), onRetry });
  // The parser has the ids of events alone.
  let beginning: string | undefined = '';
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = decoder.decode(value, { stream: true });
      parser.feed(text);
      if (beginning !== undefined) {
        beginning += text;
        const end = beginning.indexOf('\n\n');
        if (end >= 0) {
          const id = idAloneIn(beginning.slice(0, end));
          if (id !== undefined) onId(id);
          beginning = undefined;
        }
      }
      yield* found.splice(0);
    }
  } catch (error) {
    // A broken connection ends this stream; the caller connects again.
    if (signal?.aborted || error instanceof TypeError || (error as Error).name === 'AbortError') return;
    throw error;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Returns the id of a frame that is no event. */
const idAloneIn = (frame: string): string | undefined =>
  /^data/m.test(frame) ? undefined : /^id: ?(.*)$/m.exec(frame)?.[1];
