import { jobFrom } from 'tintype';
import { expect, test } from 'vitest';
import { describeInBrowser, gates, line, openUi, servedUi, until } from './support.ts';

describeInBrowser('the way to a page', () => {
  test('below a path, a job is gone to whatever its id holds', async () => {
    const definition = jobFrom('one', [{ name: 'only', run: () => 1 }]);
    const { url, server } = await servedUi({ basePath: '/tin', definitions: [definition] });
    await server.engine.start(definition, {}, { jobId: 'a:b@100%25, x' });
    const { page } = await openUi(url, '/tin/');
    await page.getByRole('link', { name: 'one', exact: true }).click();
    await page.locator('.job-id').filter({ hasText: 'a:b@100%25, x' }).waitFor();
    await page.getByRole('button', { name: 'Timeline', exact: true }).click();
    await page.reload();
    await page.locator('.job-id').filter({ hasText: 'a:b@100%25, x' }).waitFor();
    await page.getByRole('link', { name: 'The list of jobs' }).click();
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
  });

  test('the list of jobs comes once the server answers, and after a cut shows what has happened meanwhile', async () => {
    const { pass, openAll } = gates();
    const definition = jobFrom('long', [{ name: 'wait', run: () => pass('end') }]);
    const { url, server } = await servedUi({ definitions: [definition] });
    const job = server.engine.start(definition, {}, { jobId: 'first' });
    const { url: through, cut, mend } = await line(url);
    const ui = await openUi(through, '/waiting');
    ui.allow(/Failed to load resource|net::ERR/);
    const row = ui.page.getByRole('row').filter({ hasText: 'first' });
    const jobs = ui.page.getByRole('link', { name: 'Jobs', exact: true });
    await jobs.waitFor();
    cut();
    await jobs.click();
    await ui.page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
    mend();
    await row.filter({ hasText: 'running' }).waitFor();
    cut();
    openAll();
    await job;
    mend();
    await row.filter({ hasText: 'completed' }).waitFor();
  });

  test('from a job that may not be seen, ways lead on: to the jobs, and to another token', async () => {
    const definition = jobFrom('one', [{ name: 'only', kind: 'external' }]);
    const { url, server } = await servedUi({ definitions: [definition], tokens: true });
    const { secret } = await server.tokens.create({ name: 'anna', roles: ['viewer'] });
    server.engine.start(definition, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    ui.allow(/401|403/);
    const { page } = ui;
    const signIn = async (): Promise<void> => {
      await page.getByLabel('Token').fill(secret);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await page.route(/\/jobs\/j\/view/, (route) =>
      route.fulfill({ status: 403, json: { code: 'FORBIDDEN', detail: 'Not for you.' } }),
    );
    await signIn();
    await page.getByRole('alert').filter({ hasText: 'Not for you.' }).waitFor();
    await page.getByRole('link', { name: 'To the jobs' }).click();
    await page.getByRole('row').filter({ hasText: 'one' }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Sign in with another token' }).click();
    await page.unroute(/\/jobs\/j\/view/);
    await signIn();
    await page.getByRole('heading', { name: 'one' }).waitFor();
  });

  test('who may do units alone sees these, and completes one that they have claimed', async () => {
    const definition = jobFrom('kitchen', [
      { name: 'soup', kind: 'external', owner: 'cook' },
      { name: 'serve', kind: 'external', owner: 'waiter' },
    ]);
    const { url, server } = await servedUi({ definitions: [definition], tokens: true });
    const { secret } = await server.tokens.create({ name: 'anna', roles: ['worker'], owners: ['cook'] });
    const job = server.engine.start(definition, {}, { jobId: 'monday' });
    const ui = await openUi(url);
    ui.allow(/401/);
    const { page } = ui;
    await page.getByLabel('Token').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'For cook' }).waitFor();
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toHaveLength(2);
    expect(await page.getByText('For waiter').count()).toBe(0);
    await page.getByRole('button', { name: 'soup' }).click();
    const complete = page.getByRole('button', { name: 'Complete', exact: true });
    expect(await complete.getAttribute('title')).toBe('Claim it first');
    await page.getByLabel('Output').fill('{"salt": 1}');
    await page.getByRole('button', { name: 'Claim', exact: true }).click();
    await until(async () => expect(await complete.getAttribute('title')).toBeNull());
    expect(await page.getByLabel('Output').inputValue()).toBe('{"salt": 1}');
    await complete.click();
    await page.getByText('No unit waits for anybody.').waitFor();
    void server.engine.job('monday')?.task('serve').complete({});
    expect(await job).toMatchObject({ ctx: { salt: 1 } });
  });
});
