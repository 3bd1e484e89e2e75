import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';
import { type ShownUnit, unitClient } from '../support/unit-client.ts';

/** `FC_SEED=… npx vitest run test/server/units-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const LEASE_MS = 5000;

describe('clients that claim, work, release and die at random', { timeout: 120_000 }, () => {
  const deed = fc.constantFrom('complete', 'complete', 'complete', 'release', 'die', 'fail', 'beat', 'twice');
  const client = fc.record({
    deeds: fc.array(deed, { minLength: 1, maxLength: 6 }),
    max: fc.integer({ min: 1, max: 3 }),
    waits: fc.boolean(),
    owners: fc.constantFrom<readonly string[]>(['a'], ['b'], ['a', 'b']),
  });
  const unit = fc.record({
    owner: fc.constantFrom('a', 'b'),
    priority: fc.constantFrom(0, 1),
    follows: fc.boolean(),
  });

  test('complete each unit exactly once, and no unit has two live tokens', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(unit, { minLength: 1, maxLength: 8 }),
        fc.array(client, { minLength: 2, maxLength: 5 }),
        async (units, clients) => {
          const clock = virtualClock();
          const { server, call } = await testServer({ journal: memoryJournal(), clock });
          const named = units.map(({ follows, ...rest }, at) => ({
            ...rest,
            name: `u${at}`,
            maxRetries: 1000,
            ...(follows && at > 0 && { dependsOn: [`u${at - 1}`] }),
          }));
          const document = { name: 'work', tasks: [{ name: 'all', units: named }] };
          await call('POST', '/jobs', { body: { document, jobId: 'j' } });
          await turns();

          const completed: string[] = [];
          /** Until when each unit is held, as its worker must think. */
          const held = new Map<string, { token: string; until: number }>();
          const { claim, send } = unitClient(call);
          const taken = (unit: ShownUnit): void => {
            const other = held.get(unit.id);
            expect(other === undefined || other.until <= clock.now(), `${unit.name} has two live tokens`).toBe(true);
            expect(completed).not.toContain(unit.name);
            held.set(unit.id, { token: unit.token, until: unit.leaseEndsAt });
          };
          const work = async ({ deeds, max, waits, owners }: (typeof clients)[number]): Promise<void> => {
            for (const deed of deeds) {
              const given = { owners, max, leaseMs: LEASE_MS, waitMs: waits ? 2000 : 0 };
              for (const unit of await claim('x', given)) {
                taken(unit);
                const { id, name, token } = unit;
                if (deed === 'die') continue;
                const commands =
                  deed === 'complete' || deed === 'twice'
                    ? { type: 'success', output: name, token }
                    : deed === 'release'
                      ? { type: 'release', token }
                      : deed === 'fail'
                        ? { type: 'error', message: 'no', token }
                        : { type: 'heartbeat', token };
                const sent = send(id, commands);
                // The server may hand it out again before the answer is here.
                if (deed !== 'beat') held.delete(id);
                expect((await sent).status).toBe(200);
                if (deed === 'complete' || deed === 'twice') completed.push(name);
                if (deed === 'twice') expect((await send(id, commands)).status).toBe(200);
              }
            }
          };
          const all = Promise.all(clients.map(work));
          let over = false;
          all.then(
            () => {
              over = true;
            },
            () => {
              over = true;
            },
          );
          for (let step = 0; !over && step < 200; step++) {
            await turns(5);
            await clock.advance(500);
          }
          await all;
          // What the dead held comes back; one client does the rest.
          for (let step = 0; completed.length < named.length; step++) {
            expect(step, `only ${completed.join()} of ${named.length} are completed`).toBeLessThan(50);
            await clock.advance(LEASE_MS);
            await turns(5);
            const rest = { owners: ['a', 'b'], max: 1, waits: false };
            await work({ ...rest, deeds: named.map(() => 'complete' as const) });
          }
          expect([...completed].sort()).toEqual(named.map(({ name }) => name).sort());
          await turns();
          expect(await call('GET', '/jobs/j')).toMatchObject({ body: { state: 'completed' } });
          await server.close();
        },
      ),
      { numRuns: 40, ...seeded },
    );
  });
});
