import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, openUi, servedUi, type UiPage, until } from './support.ts';

const STEPS = 60;

/** A chain of 60 tasks that take 20 ms each. */
const chain = jobFrom(
  'chain',
  Array.from({ length: STEPS }, (_, at) => ({
    name: `step${at}`,
    dependsOn: at === 0 ? [] : [`step${at - 1}`],
    run: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
  })),
);

/** The names of the rows that can be seen. */
const rowsIn = (ui: UiPage): Promise<readonly string[]> =>
  ui.page.evaluate(() => {
    const { top, bottom } = (document.querySelector('[role=treegrid]') as Element).getBoundingClientRect();
    return [...document.querySelectorAll('[role=treegrid] [role=row]')].flatMap((row) => {
      const box = row.getBoundingClientRect();
      return box.top >= top - 2 && box.bottom <= bottom + 2 ? [row.querySelector('.cut')?.textContent ?? ''] : [];
    });
  });

describeInBrowser('the timeline', () => {
  test('begins with what ran at the moment on show, and with what its range holds', async () => {
    const { url, server, client } = await servedUi();
    await server.engine.start(chain, {}, { jobId: 'j' });
    const { startAt, names } = await client.jobs.view('j');
    const at = names.split('\n').indexOf('step30');
    const moment = (startAt[at] as number) + 5;
    const ui = await openUi(url, `/jobs/j?at=${moment}`);
    await until(async () => expect(await rowsIn(ui)).toContain('step30'));
    await ui.go(`/jobs/j?range=${moment}-${moment + 100}`);
    await until(async () => expect(await rowsIn(ui)).toContain('step30'));
    expect((await rowsIn(ui)).slice(0, 3)).toContain('step30');
  });

  test('says of a row under the pointer when it was ready and how long it took', async () => {
    const { url, server } = await servedUi();
    const pair = jobFrom('pair', [
      { name: 'first', run: () => ({}) },
      { name: 'each', kind: 'map', dependsOn: ['first'], over: [1, 2, 3], each: () => ({}) },
    ]);
    await server.engine.start(pair, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j?view=time');
    const bars = page.locator('.bars');
    await bars.hover({ position: { x: 200, y: 12 } });
    await page
      .locator('.tip')
      .getByText(/^ready \d\d:\d\d:\d\d/)
      .waitFor();
    await page.locator('.tip').getByText('first').waitFor();
    await bars.hover({ position: { x: 200, y: 36 } });
    await page.locator('.tip').getByText('3 completed').waitFor();
    await page.getByRole('heading', { name: 'pair' }).hover();
    await until(async () => expect(await page.locator('.tip').count()).toBe(0));
  });
});
