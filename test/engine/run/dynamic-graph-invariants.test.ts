import fc from 'fast-check';
import { type AnyTaskSpec, type Clock, expand, notReady, type TriggerRule, UnknownTaskError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../support/conditions.ts';
import { fails, spec, start, statesOf } from '../../support/dynamic-graph.ts';

/** `FC_SEED=… npx vitest run test/engine/run/dynamic-graph-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

describe('a job that grows and shrinks at random moments', { timeout: 60_000 }, () => {
  type Node = {
    readonly needs: readonly number[];
    readonly rule: TriggerRule;
    readonly ending: 'ok' | 'fails' | 'tolerated' | 'notReady' | 'when';
    readonly ms: number;
    /** In the event of which number it is added; 0: from the beginning. */
    readonly addedAt: number;
    readonly by: 'addTasks' | 'expand';
  };
  const node = fc.record<Node>({
    needs: fc.array(fc.nat(20), { maxLength: 3 }),
    rule: fc.oneof({ weight: 2, arbitrary: fc.constant<TriggerRule>('allSuccess') }, fc.constantFrom(...RULES)),
    ending: fc.constantFrom('ok', 'ok', 'ok', 'fails', 'tolerated', 'notReady', 'when'),
    ms: fc.nat(3),
    addedAt: fc.oneof(fc.constant(0), fc.nat(40)),
    by: fc.constantFrom('addTasks', 'addTasks', 'expand'),
  });
  const plays = fc.record({
    nodes: fc.array(node, { minLength: 1, maxLength: 14 }),
    maxConcurrency: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    /** In the event of which number a task that nobody needs comes and, two events later, goes. */
    removedAt: fc.nat(30),
  });

  /** Rules to which it is all one whether an upstream failed or was skipped: which of these a skip counts as may depend on timing. */
  const EVEN: ReadonlySet<TriggerRule> = new Set(['allSuccess', 'allDone', 'oneSuccess', 'always']);

  const specOf = (clock: Clock, nodes: readonly Node[], at: number): AnyTaskSpec => {
    const { needs, rule, ending, ms } = nodes[at] as Node;
    const upstream = at === 0 ? [] : [...new Set(needs.map((need) => need % at))];
    const belowRoots = upstream.every((index) => index === 0 || nodes[index]?.needs.length === 0);
    return {
      name: `t${at}`,
      dependsOn: upstream.map((index) => `t${index}`),
      trigger: EVEN.has(rule) || belowRoots ? rule : 'allSuccess',
      continueOnFailure: ending === 'tolerated',
      ...(ending === 'when' && { when: () => false }),
      run: async () => {
        if (ms > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, ms));
        if (ending === 'fails' || ending === 'tolerated') fails();
        return ending === 'notReady' ? notReady('no') : { [`t${at}`]: at };
      },
    };
  };

  const whole = async (nodes: readonly Node[]) => {
    const clock = virtualClock();
    const { job } = start(
      nodes.map((_, at) => specOf(clock, nodes, at)),
      { clock, onFailure: 'continue' },
    );
    await clock.runAll();
    const { tasks, ctx } = await job;
    return { states: statesOf(tasks), ctx };
  };

  const grown = async (nodes: readonly Node[], maxConcurrency: number, removedAt: number) => {
    const clock = virtualClock();
    const specs = nodes.map((_, at) => specOf(clock, nodes, at));
    const isLate = nodes.map(({ addedAt }) => addedAt > 0);
    for (const [at, { dependsOn = [] }] of specs.entries())
      isLate[at] ||= dependsOn.some((need) => isLate[Number(need.slice(1))]);
    const first = specs.filter((_, at) => !isLate[at]);
    const due = new Set([...specs.keys()].filter((at) => isLate[at]));
    const known = new Set(first.map(({ name }) => name));
    const { job } = start([...first, { kind: 'external', name: 'gate' }], {
      clock,
      maxConcurrency,
      onFailure: 'continue',
    });
    /** Adds what is due by now and has all it needs. */
    const join = (now: number): void => {
      const batch = { addTasks: new Map<string, AnyTaskSpec>(), expand: new Map<string, AnyTaskSpec>() };
      for (const at of due) {
        const [{ addedAt, by }, each] = [nodes[at] as Node, specs[at] as AnyTaskSpec];
        if (addedAt > now || !each.dependsOn?.every((need) => known.has(need) || batch[by].has(need))) continue;
        batch[by].set(each.name, each);
        due.delete(at);
      }
      if (batch.addTasks.size > 0) job.addTasks([...batch.addTasks.values()]);
      const grown = [...batch.expand.values()];
      if (grown.length > 0) job.addTasks([{ name: `grower of ${grown[0]?.name}`, run: () => expand(grown) }]);
    };
    let seq = 0;
    let closing = false;
    job.events$.subscribe((event) => {
      if (event.type === 'job.transition' && event.to !== 'running') return;
      seq = event.seq;
      if (event.type === 'task.added') known.add(event.task);
      if (closing) return;
      if (event.seq === removedAt) job.addTasks([spec('guest<gate')]);
      if (event.seq === removedAt + 2) ifThere(() => job.removeTask('guest'));
      join(event.seq);
    });
    await clock.runAll();
    while (due.size > 0) {
      join(Number.POSITIVE_INFINITY);
      await clock.runAll();
    }
    closing = true;
    ifThere(() => job.removeTask('guest'));
    job.task('gate').complete();
    await clock.runAll();
    expect([job.state === 'running', seq > 0, clock.pending()]).toEqual([false, true, 0]);
    const { tasks, ctx } = await job;
    const states = Object.entries(statesOf(tasks)).filter(([name]) => name.startsWith('t'));
    return { states: Object.fromEntries(states), ctx };
  };

  const ifThere = (command: () => void): void => {
    try {
      command();
    } catch (error) {
      if (!(error instanceof UnknownTaskError)) throw error;
    }
  };

  test('ends as if all had been there from the beginning', async () => {
    await fc.assert(
      fc.asyncProperty(plays, async ({ nodes, maxConcurrency, removedAt }) => {
        expect(await grown(nodes, maxConcurrency, removedAt)).toEqual(await whole(nodes));
      }),
      { numRuns: 500, ...seeded },
    );
  });
});
