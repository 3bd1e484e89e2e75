import { type AnyTaskSpec, jobFrom } from 'tintype';
import { expect, test } from 'vitest';
import {
  describeInBrowser,
  eventsOf,
  gates,
  openUi,
  type SeenStates,
  servedUi,
  started,
  statesAfter,
  until,
} from './support.ts';

const STAGES = 20;
const CHAINS = 45;
const ITEMS = 98;
/** Chains that end half-way. */
const isFrail = (chain: number): boolean => chain % 7 === 0;

describeInBrowser('a job of 1,000 tasks that runs', () => {
  test('shows at 20 moments, and between them, the states and counts that its events have', async () => {
    const { pass, open } = gates();
    const come = new Map<number, number>();
    // Each stage has two gates.
    const comeTo = (stage: number, one: number): Promise<void> => {
      come.set(stage, (come.get(stage) ?? 0) + 1);
      return pass(`${stage} ${one % 2}`);
    };
    const chain = (one: number): readonly AnyTaskSpec[] =>
      Array.from({ length: STAGES }, (_, stage) => ({
        name: `chain${one}_${stage}`,
        dependsOn: stage === 0 ? [] : [`chain${one}_${stage - 1}`],
        maxRetries: 1,
        retry: { retryIf: () => !(isFrail(one) && stage === 10) },
        run: async ({ attempt }) => {
          if (attempt === 1) await comeTo(stage, one);
          if (isFrail(one) && stage === 10) throw new Error('This chain breaks.');
          if ((stage + one) % 9 === 0 && attempt === 1) throw new Error('Not at once.');
        },
      }));
    const over = Array.from({ length: ITEMS }, (_, item) => item);
    const inner = jobFrom('inner', [
      { name: 'items', kind: 'map', over, each: ({ index }) => comeTo(index % STAGES, Math.floor(index / STAGES)) },
    ]);
    const definition = jobFrom('many', [
      ...Array.from({ length: CHAINS }, (_, one) => chain(one)).flat(),
      { name: 'nested', kind: 'job', definition: inner },
    ]);
    const { url, server, client } = await servedUi({ definitions: [definition] });
    const job = server.engine.start(definition, {}, { jobId: 'many', onFailure: 'continue' });
    const ui = await openUi(url, '/jobs/many');
    const seen: SeenStates[] = [];
    for (let stage = 0; stage < STAGES; stage++) {
      const chains = Array.from({ length: CHAINS }, (_, one) => one).filter((one) => stage <= 10 || !isFrail(one));
      await until(() => expect(come.get(stage)).toBe(chains.length + Math.ceil((ITEMS - stage) / STAGES)));
      // All that waits for this gate is there: nothing moves.
      const still = await until(async () => {
        const states = await ui.states();
        expect(states.seq).toBe((await client.jobs.get('many')).lastSeq);
        return states;
      });
      await ui.painted(still.seq);
      await until(async () => expect(await ui.counts()).toEqual(still.counts));
      seen.push(still);
      for (const half of [0, 1]) {
        open(`${stage} ${half}`);
        await ui.painted((seen.at(-1) as SeenStates).seq + 1);
        seen.push(await ui.states());
      }
    }
    await job;
    const events = await eventsOf(client, 'many');
    await ui.painted(events.length - 1);
    const last = await ui.states();
    await until(async () => expect(await ui.counts()).toEqual(last.counts));
    expect(Object.keys(last.states)).toHaveLength(CHAINS * STAGES + ITEMS + 2);
    expect(last.states).toEqual(statesAfter(events));
    expect(new Set(Object.values(last.states))).toEqual(new Set(['completed', 'failed', 'skipped']));
    expect(new Set(seen.map(({ seq }) => seq)).size).toBeGreaterThan(2 * STAGES);
    for (const { seq, states, counts } of seen) {
      expect(started(states)).toEqual(started(statesAfter(events, seq)));
      expect(counts).toEqual(countsOf(states));
    }
  });
});

const countsOf = (states: SeenStates['states']): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const [path, state] of Object.entries(states))
    if (path !== 'nested' && path !== 'nested/items') counts[state] = (counts[state] ?? 0) + 1;
  return counts;
};
