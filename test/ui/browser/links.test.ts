import { readFileSync } from 'node:fs';
import { defineJob } from 'tintype';
import type { ChromeTrace } from 'tintype/trace';
import { expect, test } from 'vitest';
import { describeInBrowser, openUi, servedUi, until } from './support.ts';

const shift = defineJob('shift')
  .task('wash', ({ log }) => log.info('clean'))
  .task('bake', { dependsOn: ['wash'] }, ({ log }) => log.info('hot'))
  .seal();

describeInBrowser('from a job', () => {
  test('its whole log, its trace file, the jobs with its labels and its topic are a click away', async () => {
    const { url, server, client } = await servedUi();
    await client.topics.create({ name: 'festival', title: 'The festival' });
    await server.engine.start(shift, {}, { jobId: 'late', labels: { team: 'night: a&b', topic: 'festival' } });
    await server.engine.start(shift, {}, { jobId: 'early' });
    const ui = await openUi(url, '/jobs/late');
    const { page } = ui;
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Trace file' }).click();
    expect((await download).suggestedFilename()).toBe('late.trace.json');
    const saved = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as ChromeTrace;
    expect(saved.traceEvents.filter(({ cat }) => cat === 'attempt').map(({ name }) => name)).toEqual(['wash', 'bake']);
    await page.getByRole('link', { name: 'Log' }).click();
    await until(async () => expect(await page.locator('.log-line').count()).toBe(2));
    expect(ui.address()).toBe('/jobs/late/log');
    await page.goBack();
    await page.getByRole('link', { name: 'topic: festival' }).click();
    await page.getByRole('heading', { name: 'The festival' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'team: night: a&b' }).click();
    await until(async () => expect(await page.locator('.job-list code').allTextContents()).toEqual(['late']));
  });
});

describeInBrowser('of a definition', () => {
  test('the newest job stands first, beside how long its tasks take', async () => {
    const { url, server } = await servedUi({ definitions: [shift] });
    for (const jobId of ['one', 'two', 'three']) await server.engine.start(shift, {}, { jobId });
    const { page } = await openUi(url, '/definitions/shift');
    await page.locator('.runs[aria-label="Last jobs"]').waitFor();
    const titles = page.locator('.runs[aria-label="Last jobs"] thead a');
    await until(async () => expect(await titles.count()).toBe(3));
    const ids = await titles.evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(ids).toEqual(['/jobs/three', '/jobs/two', '/jobs/one']);
    expect((await page.locator('.runs[aria-label="Last jobs"] thead th').allTextContents()).slice(0, 3)).toEqual([
      'Task',
      'p50',
      'p95',
    ]);
  });
});
