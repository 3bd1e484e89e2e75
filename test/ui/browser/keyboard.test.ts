import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, openUi, servedUi, type UiPage, until } from './support.ts';

/** Presses Tab until something with this name has the focus. */
const tabTo = async (page: Page, name: string | RegExp): Promise<void> => {
  const seen: string[] = [];
  for (let presses = 0; presses < 120; presses++) {
    const focused = await nameOfFocus(page);
    if (typeof name === 'string' ? focused === name : name.test(focused)) return;
    seen.push(focused);
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never comes to ${name}, but to ${seen.join(' | ')}`);
};

const nameOfFocus = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const focused = document.activeElement as HTMLElement;
    const label = (focused as HTMLInputElement).labels?.[0];
    return (focused.getAttribute('aria-label') ?? label?.innerText ?? focused.innerText).trim().split('\n')[0] ?? '';
  });

const press = async (page: Page, ...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

/** Whether what has the focus can be told by sight. */
const isMarked = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const focused = document.activeElement as HTMLElement;
    const { outlineStyle, boxShadow } = getComputedStyle(focused);
    const around = getComputedStyle(focused.parentElement as HTMLElement);
    return outlineStyle !== 'none' || boxShadow !== 'none' || around.outlineStyle !== 'none';
  });

const given = async (): Promise<UiPage & { readonly jobs: Awaited<ReturnType<typeof servedUi>>['client']['jobs'] }> => {
  let isBroken = true;
  const work = jobFrom('warehouse', [
    {
      name: 'clean',
      kind: 'map',
      over: ['a', 'b', 'c', 'd'],
      continueOnFailure: true,
      each: ({ index, log }) => {
        log.info(`looks at line ${index}`);
        if (index === 2 && isBroken) throw new Error('A line has 7 fields, not 8');
      },
    },
    { name: 'load', dependsOn: ['clean'], run: () => ({}) },
  ]);
  const waits = jobFrom('refund', [
    { name: 'approve', kind: 'external', owner: 'boss' },
    { name: 'sign', kind: 'external', dependsOn: ['approve'], owner: 'boss' },
  ]);
  const { url, server, client } = await servedUi({ definitions: [work, waits] });
  await server.engine.start(work, {}, { jobId: 'w' });
  isBroken = false;
  server.engine.start(waits, {}, { jobId: 'r' });
  const ui = await openUi(url);
  await ui.page.getByRole('row', { name: /warehouse/ }).waitFor();
  return { ...ui, jobs: client.jobs };
};

describeInBrowser('by keyboard alone', () => {
  test('a failed item of a map is found, read, and run again', async () => {
    const { page, address, jobs } = await given();
    await press(page, 'j', 'Enter');
    await page.getByRole('heading', { name: 'warehouse' }).waitFor();

    await press(page, 'f', '/');
    await page.keyboard.type('clean');
    await press(page, 'Enter');
    await page.getByRole('heading', { name: 'clean[2]' }).waitFor();
    await page.getByText('Error: A line has 7 fields, not 8').waitFor();
    await page.getByRole('region', { name: 'Log' }).getByText('looks at line 2').waitFor();

    await tabTo(page, 'Rerun from here …');
    expect(await isMarked(page)).toBe(true);
    await press(page, 'Enter');
    await page.getByText('2 tasks, in a new job. 3 keep their results.').waitFor();
    await tabTo(page, 'Rerun 2 tasks');
    await press(page, 'Enter');
    await page.waitForURL((to) => to.pathname !== '/jobs/w');
    await page.locator('.pill', { hasText: 'completed' }).waitFor();
    const { items } = await jobs.tasks(address().split('/').at(-1) as string);
    expect(items.map(({ path, state }) => `${path} ${state}`)).toContain('clean[2] completed');
  });

  test('the focus is on the heading of each page that is gone to', async () => {
    const { page } = await given();
    const expectFocus = (name: string): Promise<void> =>
      until(async () => {
        expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
        expect(await nameOfFocus(page)).toBe(name);
      });
    await tabTo(page, 'Limits');
    await press(page, 'Enter');
    await expectFocus('Limits');
    await press(page, 'u');
    await page.getByRole('row', { name: /warehouse/ }).waitFor();
    await press(page, 'j', 'Enter');
    await expectFocus('warehouse');
    await page.goBack();
    await expectFocus('Jobs');
  });

  test('the same is found in the tree, whose rows arrows go through and unfold', async () => {
    const { page, go } = await given();
    await go('/jobs/w');
    await page.getByRole('heading', { name: 'warehouse' }).waitFor();
    await tabTo(page, 'Tasks');
    expect(await isMarked(page)).toBe(true);
    await press(page, 'Home', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown');
    await page.getByRole('heading', { name: 'clean[2]' }).waitFor();
    const active = await page.getByRole('treegrid').getAttribute('aria-activedescendant');
    expect(await page.locator(`[id="${active}"]`).innerText()).toContain('[2]');
    await press(page, 'ArrowLeft');
    await page.getByRole('heading', { name: 'clean', exact: true }).waitFor();
    await press(page, 'Escape');
    await page.getByRole('heading', { name: 'clean', exact: true }).waitFor({ state: 'detached' });
  });

  test('work from outside is completed, and a job is cancelled', async () => {
    const { page, jobs } = await given();
    await tabTo(page, /^Waiting for people/);
    await press(page, 'Enter');
    await page.getByRole('heading', { name: 'Waiting for people' }).waitFor();
    await tabTo(page, 'approve');
    await press(page, 'Enter');
    await page.getByLabel('Output').waitFor();
    await tabTo(page, 'Output');
    await page.keyboard.type('{"amount": 12}');
    await tabTo(page, 'Complete');
    expect(await isMarked(page)).toBe(true);
    await press(page, 'Enter');
    await page.getByRole('button', { name: 'sign' }).waitFor();

    await press(page, 'u');
    await page.getByRole('row', { name: /refund/ }).waitFor();
    await press(page, 'j', 'k', 'Enter');
    await page.getByRole('heading', { name: 'refund' }).waitFor();
    await tabTo(page, 'Cancel …');
    await press(page, 'Enter');
    await until(async () => expect(await nameOfFocus(page)).toBe('Cancel the job'));
    // Escape leaves it, and the focus is where it was.
    await press(page, 'Escape');
    await until(async () => expect(await nameOfFocus(page)).toBe('Cancel …'));
    await press(page, 'Enter');
    await until(async () => expect(await nameOfFocus(page)).toBe('Cancel the job'));
    await press(page, 'Enter');
    await page.locator('.pill', { hasText: 'cancelled' }).waitFor();
    expect((await jobs.get('r')).state).toBe('cancelled');
  });
});
