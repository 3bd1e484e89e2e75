import { type AnyTaskSpec, expand, jobFrom } from 'tintype';
import { expect, test } from 'vitest';
import { describeInBrowser, eventsOf, gates, openUi, servedUi, started, statesAfter, until } from './support.ts';

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

const nothing = (): void => {};

describeInBrowser('a job that grows while its page is open', () => {
  test('shows added, removed and expanded tasks and 5,000 items, and what is unfolded stays so', async () => {
    const { pass, open, openAll } = gates();
    const fan = upTo(100).map((at): AnyTaskSpec => ({ name: `fan${at}`, dependsOn: ['seed'], run: nothing }));
    const outer = jobFrom('outer', [
      { name: 'list', run: nothing },
      {
        name: 'items',
        kind: 'map',
        dependsOn: ['list'],
        over: async () => {
          await pass('items');
          return upTo(5000);
        },
        each: ({ index }) => pass(`item ${index % 5}`),
      },
      { name: 'sum', dependsOn: ['items'], run: nothing },
    ]);
    const definition = jobFrom('grows', [
      { name: 'seed', run: nothing },
      ...fan,
      { name: 'outer', kind: 'job', definition: outer },
      {
        name: 'sprout',
        dependsOn: ['seed'],
        run: async () => {
          await pass('sprout');
          return expand([
            { name: 'leaf', run: nothing },
            { name: 'bud', dependsOn: ['leaf', 'hold'], run: nothing },
            { name: 'twigs', kind: 'map', over: upTo(3), each: () => pass('twigs') },
          ]);
        },
      },
      { name: 'hold', run: () => pass('hold') },
      { name: 'late', dependsOn: ['hold'], run: nothing },
    ]);
    const { url, server, client } = await servedUi();
    const job = server.engine.start(definition, {}, { jobId: 'grows' });
    const ui = await openUi(url, '/jobs/grows?open=outer,twigs,alike//fan0');

    /** Waits for the page to have all that is kept, and until a check holds; then it shows what the events say. */
    const expectKept = async (check: (states: Readonly<Record<string, string>>) => void): Promise<void> => {
      const seen = await until(async () => {
        const states = await ui.states();
        check(states.states);
        expect(states.seq).toBe((await client.jobs.get('grows')).lastSeq);
        return states;
      });
      expect(started(seen.states)).toEqual(started(statesAfter(await eventsOf(client, 'grows'))));
      await until(async () => expect(await ui.counts()).toEqual(seen.counts));
      const groups = new Set(['outer', 'outer/items', 'twigs'].filter((group) => hasInside(seen.states, group)));
      const leaves = Object.keys(seen.states).filter((path) => !groups.has(path));
      const boxes = await until(async () => {
        const scene = await ui.scene();
        expect(scene.boxes.flatMap((box) => (box.isUnfolded ? [] : box.cells)).sort()).toEqual(leaves.sort());
        return scene.boxes;
      });
      expect(boxes.filter(({ isUnfolded }) => isUnfolded).map(({ key }) => key)).toEqual(
        groups.has('twigs') ? ['outer', 'twigs'] : ['outer'],
      );
      expect(boxes.filter(({ kind, key }) => kind === 'task' && key.startsWith('fan')).length).toBeGreaterThanOrEqual(
        100,
      );
      await ui.painted(seen.seq);
    };

    await expectKept((states) =>
      expect(states).toMatchObject({ fan99: 'completed', sprout: 'running', late: 'unscheduled' }),
    );
    job.addTasks([
      { name: 'fan100', dependsOn: ['seed'], run: nothing },
      { name: 'more', dependsOn: ['hold', 'fan5'], run: nothing },
    ]);
    await expectKept((states) => expect(states).toMatchObject({ fan100: 'completed', more: 'unscheduled' }));
    job.removeTask('late');
    job.removeTask('more');
    await expectKept((states) => {
      expect(states).not.toHaveProperty('late');
      expect(states).not.toHaveProperty('more');
    });
    open('sprout');
    await expectKept((states) =>
      expect(states).toMatchObject({ leaf: 'completed', 'twigs[2]': 'running', bud: 'unscheduled' }),
    );
    open('items');
    await expectKept((states) => expect(states['outer/items[4999]']).toBe('running'));
    for (const fifth of upTo(5)) {
      open(`item ${fifth}`);
      await expectKept((states) => expect(states[`outer/items[${4995 + fifth}]`]).toBe('completed'));
    }
    openAll();
    await job;
    await expectKept((states) =>
      expect(states).toMatchObject({ outer: 'completed', bud: 'completed', 'twigs[0]': 'completed' }),
    );
    expect(ui.address()).toBe('/jobs/grows?open=outer,twigs,alike//fan0');
  });
});

const hasInside = (states: Readonly<Record<string, string>>, path: string): boolean =>
  Object.keys(states).some((one) => one.startsWith(`${path}/`) || one.startsWith(`${path}[`));
