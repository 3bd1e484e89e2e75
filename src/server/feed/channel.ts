import type { ClientStream } from './client-stream.ts';
import { endsJob, type FeedEvent } from './feed-event.ts';
import { eventFrames } from './frames.ts';

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
  /** Ends all streams. */
  readonly end: () => void;
};

export type ChannelOptions = Pick<Channel, 'idOf'> & {
  readonly ofJob: boolean;
  /** Default: the id of the last event that the channel was given. */
  readonly delivered?: Channel['delivered'];
};

export const createChannel = ({ idOf, ofJob, delivered }: ChannelOptions): Channel => {
  /** By client, the id of the last event that it had when it joined. */
  const members = new Map<ClientStream, number>();
  let last = -1;
  const end = (): void => {
    for (const client of [...members.keys()]) client.end();
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
          bytes ??= eventFrames(events, idOf);
          client.write(bytes);
        } else {
          const missing = events.filter((event) => idOf(event) > id);
          if (missing.length > 0) client.write(eventFrames(missing, idOf));
        }
      }
      if (ofJob && endsJob(final)) end();
    },
    end,
  };
};
