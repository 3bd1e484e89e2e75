import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { pathOf, tableOf } from '../../../src/wire/job-table.ts';
import { REMOVED } from '../../../src/wire/letters.ts';
import { describeInBrowser, openUi, servedUi } from './support.ts';

const step = (name: string, ...dependsOn: string[]) => ({ name, dependsOn, run: () => ({}) });
const map = (name: string, over: readonly number[], ...dependsOn: string[]) =>
  ({ name, kind: 'map', over, dependsOn, each: () => ({}) }) as const;

const mart = jobFrom('mart', [step('load'), map('parts', [1, 2, 3], 'load'), step('sum', 'parts'), step('aside')]);
const warehouse = jobFrom('warehouse', [
  step('fetch'),
  map('clean', [1, 2, 3, 4], 'fetch'),
  { name: 'mart', kind: 'job', dependsOn: ['clean'], definition: mart },
  step('publish', 'mart'),
  step('beside', 'fetch'),
]);
const OPEN = 'open=clean,mart,mart/parts';

/** Paths of the tasks without others inside that the tree does not show as faded. */
const previewed = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const around: string[] = [];
    const paths: string[] = [];
    for (const row of document.querySelectorAll('.tree-row')) {
      const depth = Number(row.getAttribute('aria-level')) - 1;
      const name = row.querySelector('[role=gridcell]')?.getAttribute('aria-label')?.split(',')[0] ?? '';
      const outer = depth === 0 ? '' : around[depth - 1];
      around[depth] = `${outer}${outer === '' || name.startsWith('[') ? '' : '/'}${name}`;
      if (!row.hasAttribute('aria-expanded') && !row.classList.contains('faded')) paths.push(around[depth]);
    }
    return paths.sort();
  });

/** Paths of the tasks without others inside that have run in a job, rather than been taken from another. */
const ran = async (client: Client, id: string): Promise<readonly string[]> => {
  await client.jobs.result(id);
  const table = tableOf(await client.jobs.view(id));
  return [...table.names.keys()]
    .filter((index) => table.state[index] !== REMOVED && (table.attempt[index] as number) > 0)
    .filter((index) => !table.inside.get(index)?.length)
    .map((index) => pathOf(table, index))
    .sort();
};

describeInBrowser('the preview of a rerun', () => {
  test.each<[from: string, count: number]>([
    ['publish', 1],
    ['fetch', 13],
    ['clean[2]', 8],
    ['clean', 11],
    ['mart', 7],
    ['mart/aside', 2],
    ['mart/load', 6],
    ['mart/parts[1]', 3],
    ['mart/parts', 5],
  ])('from %s shows the %i tasks that run when it is done', async (from, count) => {
    const { url, server, client } = await servedUi({ definitions: [warehouse] });
    await server.engine.start(warehouse, {}, { jobId: 'j' });
    const { page } = await openUi(url, `/jobs/j?view=time&${OPEN}&task=${from}`);
    await page.getByRole('button', { name: 'Rerun from here …' }).click();
    const go = page.getByRole('button', { name: /^Rerun \d+ task/ });
    await go.waitFor();
    const planned = await previewed(page);
    expect(planned).toHaveLength(count);
    expect(await go.innerText()).toBe(`Rerun ${count === 1 ? '1 task' : `${count} tasks`}`);
    await go.click();
    await page.waitForURL((to) => to.pathname !== '/jobs/j');
    const id = new URL(page.url()).pathname.split('/').at(-1) as string;
    expect(await ran(client, id)).toEqual(planned);
  });

  test('of a whole job is not needed: all that it had runs', async () => {
    const { url, server, client } = await servedUi({ definitions: [warehouse] });
    await server.engine.start(warehouse, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j');
    await page.getByRole('button', { name: 'Rerun …' }).click();
    await page.getByText('A new job runs all 13 tasks again.').waitFor();
    await page.getByRole('button', { name: 'Rerun all' }).click();
    await page.waitForURL((to) => to.pathname !== '/jobs/j');
    const id = new URL(page.url()).pathname.split('/').at(-1) as string;
    expect(await ran(client, id)).toEqual(await ran(client, 'j'));
  });
});

describeInBrowser('the preview of a retry', () => {
  test('of a whole job shows what runs again, until it is asked no longer', async () => {
    let isMended = false;
    const bake = () => {
      if (!isMended) throw new Error('cold');
    };
    const shift = jobFrom('shift', [
      step('fetch'),
      { name: 'bake', dependsOn: ['fetch'], run: bake },
      step('sell', 'bake'),
      map('wash', [1, 2], 'fetch'),
    ]);
    const { url, server } = await servedUi({ definitions: [shift] });
    const job = server.engine.start(shift, {}, { jobId: 'j', onFailure: 'continue' });
    await job;
    const { page } = await openUi(url, '/jobs/j?view=time&open=wash');
    const retry = page.getByRole('button', { name: 'Retry …' });
    await retry.click();
    await page.getByText(/^2 tasks run in this job: .* 3 keep their results\.$/).waitFor();
    expect(await previewed(page)).toEqual(['bake', 'sell']);
    await page.getByRole('button', { name: 'Not now' }).click();
    await page.locator('.tree-row.faded').first().waitFor({ state: 'detached' });

    isMended = true;
    await retry.click();
    await page.locator('.tree-row.faded').first().waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByText('completed', { exact: true }).first().waitFor();
    await page.locator('.tree-row.faded').first().waitFor({ state: 'detached' });
  });
});
