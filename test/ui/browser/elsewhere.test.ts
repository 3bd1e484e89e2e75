import { expect, test } from 'vitest';
import { createEngine } from '../../../src/engine/engine.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { newFile, opened } from '../../support/sqlite-files.ts';
import { describeInBrowser, gates, openUi, servedUi, until } from './support.ts';

describeInBrowser('a job that another process runs', () => {
  test('is counted, completed and cancelled here; what can’t be done here says why', async () => {
    const { pass } = gates();
    const file = newFile();
    const engine = createEngine({ journal: opened(file) });
    const ask = jobFrom('ask', [
      { name: 'approve', kind: 'external' },
      { name: 'refuse', kind: 'external', continueOnFailure: true },
      { name: 'long', run: () => pass('long') },
    ]);
    const job = engine.start(ask, {}, { jobId: 'j' });
    await job.saved();
    const { url } = await servedUi({ journal: opened(file) });
    const ui = await openUi(url, '/jobs/j?task=approve');
    const { page } = ui;
    const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).first().click();
    const refused = page.getByRole('alert').filter({ hasText: 'Another process runs this job' });
    await until(async () => expect(await page.locator('.nav .badge').innerText()).toBe('2'));

    await page.locator('.why', { hasText: 'It waits for somebody' }).waitFor();
    for (const name of ['Pause', 'Claim']) {
      await page.getByRole('button', { name, exact: true }).first().click({ force: true });
      await refused.last().waitFor();
    }
    expect(await refused.count()).toBe(2);
    await page.getByLabel('Output').fill('{"yes":true}');
    await press('Complete');
    await page.locator('.inspector .state-name', { hasText: 'completed' }).first().waitFor();
    expect(await job.output('approve' as never)).toEqual({ yes: true });

    await ui.go('/jobs/j?task=refuse');
    await press('Fail …');
    await page.getByLabel('Why').fill('no');
    await press('Let it fail');
    await page.locator('.inspector .state-name', { hasText: 'failed' }).first().waitFor();

    await press('Cancel …');
    await press('Cancel the job');
    await page.locator('.pill', { hasText: 'cancelled' }).waitFor();
    await engine.close();

    // This server does not know the definition: the question says so before anybody says yes.
    ui.allow(/404/);
    await press('Retry …');
    await page.getByRole('group', { name: 'Retry' }).filter({ hasText: 'does not know the definition' }).waitFor();
  });
});
