import { HttpProblem, RETRY_SOON } from '../http/problem.ts';
import type { ClaimedUnitBody } from '../schemas/unit.ts';

/** What a claim got: enough to show the unit again. */
export type ClaimKept = Pick<ClaimedUnitBody, 'id' | 'token'>;

type Answer = {
  readonly request: string;
  /** Undefined while the claim is being done. */
  claims?: readonly ClaimKept[];
  /** Epoch ms. */
  endsAt: number;
};

/**
 * What claims with an idempotency key got, in memory, as long as their leases: a client that lost an answer gets the same
 * units and tokens again. Claims that got nothing are forgotten, so that a repetition may get something.
 */
export class ClaimAnswers {
  readonly #now: () => number;
  readonly #answers = new Map<string, Answer>();
  #sweepAt = MIN_SWEEP;

  /** `now`: the time in epoch ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Claims, or returns in `repeated` what the first claim with this key got. `request` tells different requests apart.
   * @throws HttpProblem `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`
   */
  async once(
    key: string,
    request: string,
    claim: () => Promise<readonly ClaimedUnitBody[]>,
  ): Promise<{ readonly units: readonly ClaimedUnitBody[] } | { readonly repeated: readonly ClaimKept[] }> {
    const known = this.#answers.get(key);
    if (known && known.endsAt > this.#now()) {
      if (known.request !== request) throw reused();
      if (!known.claims) throw inProgress();
      return { repeated: known.claims };
    }
    const answer: Answer = { request, endsAt: Number.POSITIVE_INFINITY };
    this.#answers.set(key, answer);
    try {
      const units = await claim();
      // Without data and deps, which may be large: there may be as many answers as claims in a day.
      answer.claims = units.map(({ id, token }) => ({ id, token }));
      answer.endsAt = Math.max(0, ...units.map(({ leaseEndsAt = 0 }) => leaseEndsAt));
      return { units };
    } finally {
      if (!answer.claims?.length) this.#answers.delete(key);
      this.#sweep();
    }
  }

  /** Forgets answers whose leases are over, when there are twice as many as after the last time; if need be the oldest, too. */
  #sweep(): void {
    if (this.#answers.size < this.#sweepAt) return;
    for (const [key, { endsAt }] of this.#answers) if (endsAt <= this.#now()) this.#answers.delete(key);
    for (const [key, { claims }] of this.#answers) {
      if (this.#answers.size <= MAX_ANSWERS / 2) break;
      if (claims) this.#answers.delete(key);
    }
    this.#sweepAt = Math.min(MAX_ANSWERS, Math.max(MIN_SWEEP, 2 * this.#answers.size));
  }
}

const MIN_SWEEP = 1000;

/** How many answers are kept at most; half as many always are. */
export const MAX_ANSWERS = 200_000;

const inProgress = (): HttpProblem =>
  new HttpProblem(
    409,
    'IDEMPOTENCY_IN_PROGRESS',
    'The first claim with this Idempotency-Key still waits. Ask again, or take a new key.',
    { headers: RETRY_SOON },
  );

const reused = (): HttpProblem =>
  new HttpProblem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another claim. Take a new one.');
