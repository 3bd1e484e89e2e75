import type { Journal, Lease } from '../../src/engine/durable/journal.ts';

/** What a process sees of a journal until it dies: from then on none of its calls comes back, and its leases are those of a dead process. */
export const mortal = (
  journal: Journal,
  { appends = Number.POSITIVE_INFINITY }: { readonly appends?: number } = {},
) => {
  let left = appends;
  let dead = false;
  const never = new Promise<never>(() => {});
  // No process has a pid that is larger than the largest.
  const dying = (lease: Lease): Lease => ({ ...lease, pid: 2 ** 22 + 1 });
  const alive =
    <Given extends unknown[], Answer>(call: (...given: Given) => Answer) =>
    (...given: Given): Answer | Promise<never> =>
      dead ? never : call(...given);
  const own: Journal = {
    ...journal,
    maxOutputBytes: journal.maxOutputBytes,
    beatMs: journal.beatMs,
    create: alive((job, lease) => journal.create(job, dying(lease))) as Journal['create'],
    acquire: alive((id, lease) => journal.acquire(id, dying(lease))) as Journal['acquire'],
    beat: alive((lease) => journal.beat(dying(lease))) as Journal['beat'],
    release: alive((held) => journal.release(held)) as Journal['release'],
    receive: alive((owner) => journal.receive(owner)) as Journal['receive'],
    append: alive((batches) => {
      const withLease = batches.map((batch) =>
        batch.creates ? { ...batch, creates: { ...batch.creates, lease: dying(batch.creates.lease) } } : batch,
      );
      if (left-- > 0) return journal.append(withLease);
      dead = true;
      return never;
    }) as Journal['append'],
  };
  const die = (): void => {
    dead = true;
  };
  let hasDied = (): void => {};
  const died = new Promise<void>((resolve) => {
    hasDied = resolve;
  });
  return {
    journal: own,
    die,
    /** For a task to call: dies once what happens now has been stored. `died` resolves then. */
    dieSoon: (): void =>
      void setTimeout(() => {
        die();
        hasDied();
      }),
    died,
    get dead() {
      return dead;
    },
  };
};
