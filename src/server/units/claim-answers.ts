import { HttpProblem, RETRY_SOON } from '../http/problem.ts';
import type { ClaimedUnitBody } from '../schemas/unit.ts';

type Answer = {
  readonly request: string;
  /** Undefined while the claim is being done. */
  units?: readonly ClaimedUnitBody[];
  /** Epoch ms. */
  endsAt: number;
};

/**
 * The answers to claims with an idempotency key, in memory, as long as their leases: a client that lost an answer gets
 * the same units and tokens again. Claims that got nothing are forgotten, so that a repetition may get something.
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
   * Returns what the first claim with this key got, or claims. `request` tells different requests apart.
   * @throws HttpProblem `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`
   */
  async once(
    key: string,
    request: string,
    claim: () => Promise<readonly ClaimedUnitBody[]>,
  ): Promise<{ readonly units: readonly ClaimedUnitBody[]; readonly replayed: boolean }> {
    const known = this.#answers.get(key);
    if (known && known.endsAt > this.#now()) {
      if (known.request !== request) throw reused();
      if (!known.units) throw inProgress();
      return { units: known.units, replayed: true };
    }
    const answer: Answer = { request, endsAt: Number.POSITIVE_INFINITY };
    this.#answers.set(key, answer);
    try {
      const units = await claim();
      answer.units = units;
      answer.endsAt = Math.max(0, ...units.map(({ leaseEndsAt = 0 }) => leaseEndsAt));
      return { units, replayed: false };
    } finally {
      if (!answer.units?.length) this.#answers.delete(key);
      this.#sweep();
    }
  }

  /** Forgets answers whose leases are over, when there are twice as many as after the last time. */
  #sweep(): void {
    if (this.#answers.size < this.#sweepAt) return;
    for (const [key, { endsAt }] of this.#answers) if (endsAt <= this.#now()) this.#answers.delete(key);
    this.#sweepAt = Math.max(MIN_SWEEP, 2 * this.#answers.size);
  }
}

const MIN_SWEEP = 1000;

const inProgress = (): HttpProblem =>
  new HttpProblem(
    409,
    'IDEMPOTENCY_IN_PROGRESS',
    'The first claim with this Idempotency-Key still waits. Ask again, or take a new key.',
    { headers: RETRY_SOON },
  );

const reused = (): HttpProblem =>
  new HttpProblem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another claim. Take a new one.');
