import type { ClientStream } from './client-stream.ts';
import { endsJob, type FeedEvent } from './feed-event.ts';

/** Clients that get the same events: those of all jobs by one filter, or those of one job. */
export type Channel = {
  readonly idOf: (event: FeedEvent) => number;
  /** How many streams there are, those included that still read events of the past. */
  streams: number;
  /** Id of the last event that was delivered, or passed over, since the channel was opened; -1 before. */
  readonly delivered: () => number;
  /** Takes a client that has all events up to an id. Nothing is missing if that id is `delivered` or more. */
  readonly join: (client: ClientStream, id: number) => void;
  readonly leave: (client: ClientStream) => void;
  /** Writes new events to all clients, each without those that it has. Ends the streams with the last event of their job. */
  readonly deliver: (events: readonly FeedEvent[]) => void;
  /** Ends all streams. `last`: what their clients get before. */
  readonly end: (last?: Uint8Array) => void;
};

export type ChannelOptions = Pick<Channel, 'idOf'> & {
  /** Returns what clients get of events; nothing if these are nothing for them. */
  readonly encode: (events: readonly FeedEvent[]) => Uint8Array | undefined;
  readonly ofJob: boolean;
  /** Returns what a client gets last, when the job is over. Default: nothing. */
  readonly last?: ((final: FeedEvent) => Uint8Array) | undefined;
  /** Default: the id of the last event that the channel was given. */
  readonly delivered?: Channel['delivered'];
};

export const createChannel = ({ idOf, encode, ofJob, last: lastOf, delivered }: ChannelOptions): Channel => {
  /** By client, the id of the last event that it had when it joined. */
  const members = new Map<ClientStream, number>();
  let last = -1;
  const write = (client: ClientStream, bytes: Uint8Array | undefined): void => {
    if (bytes) client.write(bytes);
  };
  const end = (last?: Uint8Array): void => {
    for (const client of [...members.keys()]) {
      write(client, last);
      client.end();
    }
  };
  return {
    idOf,
    streams: 0,
    delivered: delivered ?? (() => last),
    join: (client, id) => {
      members.set(client, id);
    },
    leave: (client) => {
      members.delete(client);
    },
    deliver: (events) => {
      const [first] = events;
      const final = events.at(-1);
      if (!first || !final) return;
      last = idOf(final);
      let bytes: Uint8Array | undefined;
      for (const [client, id] of [...members]) {
        if (id < idOf(first)) {
          bytes ??= encode(events);
          write(client, bytes);
        } else {
          const missing = events.filter((event) => idOf(event) > id);
          if (missing.length > 0) write(client, encode(missing));
        }
      }
      if (ofJob && endsJob(final)) end(lastOf?.(final));
    },
    end,
  };
};
