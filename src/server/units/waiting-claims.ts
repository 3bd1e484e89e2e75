import type { Clock } from '../../engine/time/clock.ts';
import { HttpProblem, RETRY_SOON } from '../http/problem.ts';

/** Whether the client of a request is still there. */
export type Connection = {
  readonly isClosed: () => boolean;
  /** Calls back when the client goes; returns a function that stops it. */
  readonly onClose: (gone: () => void) => () => void;
};

type Waiting<Taken> = {
  readonly client: string | undefined;
  readonly owners: readonly string[];
  readonly connection: Connection;
  /** Takes what there is for the claim now. */
  readonly take: () => readonly Taken[];
  readonly end: (taken: readonly Taken[]) => void;
};

export type ParkOptions<Taken> = Pick<Waiting<Taken>, 'owners' | 'connection' | 'take'> & {
  readonly waitMs: number;
  /** Id of the token of the client; undefined where none is needed: there, many clients may be behind it. */
  readonly client: string | undefined;
};

/** How many claims may wait: of all clients, and of one token. */
export const MAX_WAITING = { all: 1000, ofToken: 20 };

/**
 * Claims that wait for units, in the order in which they came. A unit that becomes ready goes to the first one that can
 * use it and whose connection is still open; what became ready together is given out once, after that.
 */
export class WaitingClaims<Taken> {
  readonly #clock: Clock;
  readonly #hasUnits: (owner: string) => boolean;
  readonly #byOwner = new Map<string, Set<Waiting<Taken>>>();
  readonly #all = new Set<Waiting<Taken>>();
  readonly #ofToken = new Map<string, number>();
  readonly #woken = new Set<string>();
  #closed = false;

  /** `hasUnits`: whether there is any unit to take of an owner. */
  constructor(clock: Clock, hasUnits: (owner: string) => boolean) {
    this.#clock = clock;
    this.#hasUnits = hasUnits;
  }

  /** How many claims wait. */
  get size(): number {
    return this.#all.size;
  }

  /** Resolves to what the claim got; to nothing when its time is over, its client gone, or the server closes. @throws HttpProblem */
  park({ owners, connection, take, waitMs, client }: ParkOptions<Taken>): Promise<readonly Taken[]> {
    if (this.#closed) return Promise.resolve([]);
    if (this.#all.size >= MAX_WAITING.all) throw tooManyWaiting(`${MAX_WAITING.all} claims wait at this server`);
    const giveBack = client === undefined ? () => {} : this.#takeSlot(client);
    return new Promise((resolve) => {
      const end = (taken: readonly Taken[]): void => {
        if (!this.#all.delete(waiting)) return;
        for (const owner of owners) this.#leave(owner, waiting);
        giveBack();
        cancelTimer();
        stopListening();
        resolve(taken);
      };
      const waiting: Waiting<Taken> = { client, owners, connection, take, end };
      this.#all.add(waiting);
      for (const owner of owners) {
        const queue = this.#byOwner.get(owner);
        if (queue) queue.add(waiting);
        else this.#byOwner.set(owner, new Set([waiting]));
      }
      const cancelTimer = this.#clock.setTimer(() => end([]), waitMs);
      const stopListening = connection.onClose(() => end([]));
    });
  }

  /** Notes that there is something for an owner; it is given out at the end of this tick. */
  wake(owner: string): void {
    if (!this.#byOwner.has(owner)) return;
    if (this.#woken.size === 0) queueMicrotask(() => this.giveOut());
    this.#woken.add(owner);
  }

  /** Gives out what has become ready: before a new claim takes of it, those that wait get theirs. */
  giveOut(): void {
    const owners = [...this.#woken];
    this.#woken.clear();
    for (const owner of owners) {
      for (const waiting of this.#byOwner.get(owner) ?? []) {
        if (!this.#hasUnits(owner)) break;
        if (waiting.connection.isClosed()) {
          waiting.end([]);
          continue;
        }
        const taken = waiting.take();
        if (taken.length > 0) waiting.end(taken);
      }
    }
  }

  /** Ends the claims of clients without a token. */
  endOpen(): void {
    for (const waiting of [...this.#all]) if (waiting.client === undefined) waiting.end([]);
  }

  /** Ends all claims that wait, without units; no others wait any more. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#all]) waiting.end([]);
  }

  /** Counts a claim of a token; returns what ends that. @throws HttpProblem */
  #takeSlot(client: string): () => void {
    const taken = this.#ofToken.get(client) ?? 0;
    if (taken >= MAX_WAITING.ofToken) throw tooManyWaiting(`${MAX_WAITING.ofToken} claims of this token wait`);
    this.#ofToken.set(client, taken + 1);
    return () => {
      const left = (this.#ofToken.get(client) ?? 1) - 1;
      if (left > 0) this.#ofToken.set(client, left);
      else this.#ofToken.delete(client);
    };
  }

  #leave(owner: string, waiting: Waiting<Taken>): void {
    const queue = this.#byOwner.get(owner);
    queue?.delete(waiting);
    if (queue?.size === 0) this.#byOwner.delete(owner);
  }
}

const tooManyWaiting = (what: string): HttpProblem =>
  new HttpProblem(429, 'TOO_MANY_WAITING', `${what} already: claim with a shorter waitMs, or later.`, {
    headers: RETRY_SOON,
  });
