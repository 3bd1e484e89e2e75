import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, gates, openUi, servedUi, until } from './support.ts';

describeInBrowser('the inspector', () => {
  test('keeps the details of a task until those of its next state have come', async () => {
    const { url, server, client } = await servedUi();
    const { pass, open } = gates();
    const soup = jobFrom('kitchen', [{ name: 'soup', kind: 'external', owner: 'cook' }]);
    server.engine.start(soup, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j?task=soup');
    const owner = page.locator('.facts dd', { hasText: 'cook' });
    await owner.waitFor();
    let isHeld = false;
    await page.route(/\/tasks\?/, async (route) => {
      isHeld = true;
      await pass('details');
      await route.continue();
    });
    await client.units.claim({ worker: 'anna', owners: ['cook'] });
    await page.locator('.inspector .state-name', { hasText: 'running' }).waitFor();
    await until(() => expect(isHeld).toBe(true));
    expect(await owner.count()).toBe(1);
    open('details');
    await page.locator('.facts dd', { hasText: 'anna' }).waitFor();
  });

  test('shows the log of each attempt, and listens to that of a job which is over no more', async () => {
    const { url, server } = await servedUi();
    const work = jobFrom('work', [
      {
        name: 'try',
        maxRetries: 2,
        run: ({ attempt, log }) => {
          log.info(`try ${attempt}`);
          if (attempt < 3) throw new Error('not yet');
        },
      },
    ]);
    await server.engine.start(work, {}, { jobId: 'j' });
    const ui = await openUi(url);
    const { page } = ui;
    const streams: string[] = [];
    page.on('request', (request) => {
      if (/\/logs/.test(request.url()) && request.resourceType() === 'eventsource') streams.push(request.url());
    });
    await ui.go('/jobs/j?task=try');
    const log = page.getByRole('region', { name: 'Log' });
    const attempts = page.getByRole('group', { name: 'Attempt' });
    await log.getByText('try 3').waitFor();
    expect(await attempts.innerText()).toContain('attempt 3 of 3');
    expect(await page.getByRole('button', { name: 'Attempt after' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Attempt before' }).click();
    await log.getByText('try 2').waitFor();
    expect(ui.address()).toBe('/jobs/j?task=try&attempt=2');
    await page.getByRole('button', { name: 'Attempt before' }).click();
    await log.getByText('try 1').waitFor();
    expect(await page.getByRole('button', { name: 'Attempt before' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Attempt after' }).click();
    await page.getByRole('button', { name: 'Attempt after' }).click();
    await log.getByText('try 3').waitFor();
    expect(ui.address()).toBe('/jobs/j?task=try');
    expect(streams).toEqual([]);
  });

  test('takes back a pause that was asked before the task was ready', async () => {
    const { url, server, client } = await servedUi();
    const { pass, open } = gates();
    const work = jobFrom('work', [
      { name: 'first', run: () => pass('first') },
      { name: 'second', dependsOn: ['first'], run: () => ({}) },
    ]);
    server.engine.start(work, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j?task=second');
    const inspector = page.locator('.inspector');
    await inspector.getByRole('button', { name: 'Pause', exact: true }).click();
    await inspector.getByRole('button', { name: "Don't pause" }).click();
    await inspector.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    open('first');
    expect((await client.jobs.result('j')).state).toBe('completed');
  });

  test('asks again why a task is not running if that failed', async () => {
    const { url, server } = await servedUi();
    server.engine.start(jobFrom('kitchen', [{ name: 'soup', kind: 'external' }]), {}, { jobId: 'j' });
    const ui = await openUi(url);
    ui.allow(/500/);
    let failures = 0;
    await ui.page.route(/\/explain/, (route) =>
      failures++ === 0
        ? route.fulfill({ status: 500, json: { code: 'INTERNAL', detail: 'It is broken.' } })
        : route.continue(),
    );
    await ui.go('/jobs/j?task=soup');
    await ui.page.getByText('It is broken.').waitFor();
    await ui.page.getByText('Waits to be claimed or completed from outside').waitFor();
    expect(await ui.page.getByText('It is broken.').count()).toBe(0);
  });

  test('has the focus as it gives way to that of another task; what opened it has it again after it is closed', async () => {
    const { url, server } = await servedUi();
    const work = jobFrom('work', [
      { name: 'first', run: () => ({}) },
      { name: 'second', dependsOn: ['first'], run: () => ({}) },
    ]);
    await server.engine.start(work, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    const { page } = ui;
    const focused = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName ?? '');
    await page.getByRole('treegrid').focus();
    await page.keyboard.press('Home');
    await page.getByRole('heading', { name: 'first' }).waitFor();
    expect(await focused()).toBe('Tasks');
    await page.locator('.inspector').getByRole('button', { name: 'second' }).click();
    await page.getByRole('heading', { name: 'second' }).waitFor();
    await until(async () => expect(await focused()).toBe('Task second'));
    await page.locator('.inspector').getByRole('button', { name: 'Close' }).click();
    await until(async () => expect(await focused()).toBe('Tasks'));

    // Whoever comes by a link has opened it by nothing on the page.
    await ui.go('/jobs/j?task=first');
    await page.locator('.inspector').getByRole('button', { name: 'Close' }).focus();
    await page.keyboard.press('Escape');
    await until(async () => expect(await focused()).toMatch(/^Graph of 2 tasks/));
  });
});
