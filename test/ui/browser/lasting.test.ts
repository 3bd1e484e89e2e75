import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, eventsOf, gates, openUi, servedUi, statesAfter, type UiPage, until } from './support.ts';

/** Bytes that the page holds once all that can be let go has been, and how many nodes. */
const held = async ({ page }: UiPage): Promise<{ readonly heap: number; readonly nodes: number }> => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  await devtools.detach();
  const metric = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
  return { heap: metric('JSHeapUsedSize'), nodes: metric('Nodes') };
};

const hide = ({ page }: UiPage, isHidden: boolean): Promise<void> =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);

describeInBrowser('a page that stays open', () => {
  test('holds no more after ten minutes of 100 changes a second', async () => {
    const { pass } = gates();
    const tasks = Array.from({ length: 1000 }, (_, at) => ({ name: `t${at}`, run: () => pass('all') }));
    const { url, server } = await servedUi();
    server.engine.start(jobFrom('restless', tasks), {}, { jobId: 'j', maxConcurrency: 100 });
    const ui = await openUi(url, '/keys');
    // The stream of a server whose job changes so, all at once: ten changes a frame, and then the connection ends.
    const frames = 2000;
    let seq = 10_000;
    await ui.page.route(/\/patches\?/, (route) => {
      const body = Array.from({ length: frames }, () => {
        const changes = Array.from({ length: 10 }, () => [seq % 1000, 'wrtc'[(seq / 1000) & 3], seq++, 1]);
        return `id: ${seq}\nevent: patch\ndata: ${JSON.stringify(changes.flat())}\n\n`;
      });
      return route.fulfill({ contentType: 'text/event-stream', body: body.join('') });
    });
    await ui.go('/jobs/j?task=t1');
    await ui.painted(10_000 + frames * 10);
    const before = await held(ui);
    await ui.painted(10_000 + 4 * frames * 10);
    const after = await held(ui);
    expect(after.heap - before.heap).toBeLessThan(800_000);
    expect(after.nodes - before.nodes).toBeLessThan(200);
  });

  test('lets its stream go while it has been hidden for a minute, and catches up when it is seen again', async () => {
    const { pass, openAll } = gates();
    const names = Array.from({ length: 3000 }, (_, at) => `t${at}`);
    const definition = jobFrom(
      'long',
      names.map((name) => ({ name, run: () => pass(name) })),
    );
    const { url, server, client } = await servedUi();
    const job = server.engine.start(definition, {}, { jobId: 'j', maxConcurrency: 100 });
    const ui = await openUi(url, '/keys');
    await ui.page.clock.install();
    await ui.go('/jobs/j');
    await ui.painted(0);
    await until(async () => expect((await ui.states()).counts).toMatchObject({ running: 100 }));
    const { seq } = await ui.states();
    await hide(ui, true);
    await ui.page.clock.fastForward(61_000);
    openAll();
    await job;
    expect((await ui.states()).seq).toBe(seq);
    await hide(ui, false);
    const events = await eventsOf(client, 'j');
    await ui.painted(events.at(-1)?.seq ?? 0);
    expect((await ui.states()).states).toEqual(statesAfter(events));
    await until(async () => expect(await ui.counts()).toEqual({ completed: 3000 }));
  });
});
