import { expect, test } from 'vitest';
import { defineJob } from '../../../src/engine/builder.ts';
import { describeInBrowser, gates, openUi, servedUi, statesByEvents, until } from './support.ts';

describeInBrowser('a job that runs', () => {
  test('shows in graph and counts what its events say, while it waits and when it is over', async () => {
    const { pass, open } = gates();
    const definition = defineJob('two')
      .task('a', () => pass('a'))
      .task('b', { dependsOn: ['a'] }, () => {})
      .seal();
    const { url, server, client } = await servedUi();
    const job = server.engine.start(definition, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    await ui.painted(2);
    expect((await ui.scene()).boxes.map(({ title }) => title)).toEqual(['a', 'b']);
    expect(await ui.states()).toEqual({
      seq: 2,
      states: { a: 'running', b: 'unscheduled' },
      counts: { running: 1, unscheduled: 1 },
    });
    open('a');
    await job;
    const { lastSeq, states } = await statesByEvents(client, 'j');
    await ui.painted(lastSeq);
    expect((await ui.states()).states).toEqual(states);
    await until(async () => expect(await ui.counts()).toEqual({ completed: 2 }));
  });
});
