import { expect, test } from 'vitest';
import { defineJob } from '../../../src/engine/builder.ts';
import { describeInBrowser, gates, openUi, servedUi, type UiPage, until } from './support.ts';

/** All times of day in the texts, titles and values of the page, in minutes and in their order. */
const times = ({ page }: UiPage): Promise<readonly number[]> =>
  page.evaluate(() => {
    const texts: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walk.nextNode(); node !== null; node = walk.nextNode())
      if (node instanceof Element)
        for (const name of ['title', 'aria-label', 'aria-valuetext']) texts.push(node.getAttribute(name) ?? '');
      else texts.push(node.textContent ?? '');
    return texts.flatMap((text) =>
      [...text.matchAll(/\b(\d\d):(\d\d)(?::\d\d)?\b/g)].map(
        ([, hours, minutes]) => Number(hours) * 60 + Number(minutes),
      ),
    );
  });

/** Of Kolkata, in minutes. */
const AHEAD = 330;
const DAY = 1440;

const talking = (pass: (name: string) => Promise<void>) =>
  defineJob('talk')
    .task('speak', async ({ log }) => {
      log.info('hello');
      await pass('spoken');
    })
    .task('listen', { dependsOn: ['speak'] }, ({ log }) => log.info('heard'))
    .seal();

describeInBrowser('times', () => {
  test('are all of the zone that is chosen, on every page, and stay so', async () => {
    const { pass, open } = gates();
    const { url, server, client } = await servedUi({ definitions: [talking(pass)] });
    await client.topics.create({ name: 'kitchen' });
    const job = server.engine.start(talking(pass), {}, { jobId: 'j' });
    open('spoken');
    await job;
    const ui = await openUi(url, '/', { timezoneId: 'Asia/Kolkata' });
    const zone = (): Promise<void> => ui.page.getByTitle('Show all times in the other zone').click();
    for (const [path, least] of [
      ['/', 1],
      ['/jobs/j?task=listen', 4],
      ['/jobs/j?task=speak&at=1', 4],
      ['/jobs/j/log', 2],
      ['/definitions/talk', 1],
      ['/topics', 1],
    ] as const) {
      await ui.go(path);
      await until(async () => expect((await times(ui)).length).toBeGreaterThanOrEqual(least));
      await until(async () => {
        const before = await times(ui);
        await zone();
        const utc = await times(ui);
        await zone();
        expect(before).toEqual(await times(ui));
        expect(utc.map((one) => (one + AHEAD) % DAY)).toEqual(before);
      });
    }
    const local = await times(ui);
    await zone();
    await ui.go('/topics');
    await until(async () => expect((await times(ui)).map((one) => (one + AHEAD) % DAY)).toEqual(local));
  });

  test.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('since something began are right where the clock of the browser is an hour %s', async (_, offset) => {
    const { pass } = gates();
    const definition = defineJob('wait')
      .task('bake', { pool: 'oven' }, () => pass('bake'))
      .external('taste', { owner: 'cook' })
      .seal();
    const { url, server } = await servedUi({ pools: { oven: 1 } });
    server.engine.start(definition, {}, { jobId: 'j' });
    const ui = await openUi(url, '/keys');
    await ui.page.addInitScript((by) => {
      const { now } = Date;
      Date.now = () => now() + by;
    }, offset);
    const seconds = /^(?:\d+ ms|\d+\.\d s|[1-5]?\d s)$/;
    const shows = (selector: string, pattern: RegExp): Promise<void> =>
      until(async () =>
        expect(await ui.page.locator(selector).first().textContent({ timeout: 2000 })).toMatch(pattern),
      );
    await ui.go('/');
    await shows('.job-row .number >> nth=2', /^[1-5]?[1-9] s ago$/);
    await shows('.job-row .number >> nth=3', seconds);
    await ui.go('/jobs/j?task=bake');
    await shows('.job-title .dim.small', /^(?:\d+\.\d|[1-5]?\d) s since /);
    await shows('.facts dd >> nth=2', seconds);
    await ui.go('/waiting');
    await shows('.entry-line .dim >> nth=1', /^[1-5]?\d s ago$/);
    await ui.go('/limits');
    await shows('.columns .entry-line .dim', seconds);
  });
});
