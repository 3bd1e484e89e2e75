import type { StreamReset } from '../../wire/patches.ts';
import type { PatchFrame } from '../view/patch-events.ts';
import type { FeedEvent } from './feed-event.ts';

/** The bytes of events in the form of `text/event-stream`. `idOf`: what a client resumes after. */
export const eventFrames = (events: readonly FeedEvent[], idOf: (event: FeedEvent) => number): Uint8Array =>
  bytesOf(events.map((one) => `id: ${idOf(one)}\nevent: ${one.event.type}\ndata: ${one.json}\n\n`).join(''));

/** The bytes of a frame that is no event of a job. It has no id, so that `Last-Event-ID` stays that of an event. */
export const controlFrame = (type: 'reset' | 'snapshot' | 'jobs' | 'ping', data: object): Uint8Array =>
  bytesOf(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);

/** The bytes of patches; undefined if there are none. */
export const patchBytes = (frames: readonly PatchFrame[]): Uint8Array | undefined =>
  frames.length === 0
    ? undefined
    : bytesOf(
        frames
          .map(({ type, seq, json }) => `${seq === undefined ? '' : `id: ${seq}\n`}event: ${type}\ndata: ${json}\n\n`)
          .join(''),
      );

export const resetFrame = (reason: StreamReset['reason']): Uint8Array => controlFrame('reset', { reason });

/** The bytes of a frame with lines of a log. */
export const lineFrame = (id: number, lines: readonly object[]): Uint8Array =>
  bytesOf(`id: ${id}\nevent: lines\ndata: ${JSON.stringify(lines)}\n\n`);

const ENCODER = new TextEncoder();

const bytesOf = (text: string): Uint8Array => ENCODER.encode(text);

/**
 * What a stream begins with: how long a client waits before it connects again, in ms. With `id`, also the id that it
 * resumes after if the connection breaks before the first event. It dispatches no event.
 */
export const firstFrame = (id?: number, retryMs = 2000): Uint8Array =>
  bytesOf(`${id === undefined ? '' : `id: ${id}\n`}retry: ${retryMs}\n\n`);

/** Keeps proxies and clients from taking a quiet connection for a dead one. An event, because browsers hide comments from a page. */
export const PING: Uint8Array = controlFrame('ping', {});
