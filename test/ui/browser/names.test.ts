import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, openUi, servedUi, type UiPage, until } from './support.ts';

const NAMES = [
  '<img src=x onerror="document.title=1">',
  '<script>document.title = 2;',
  `say "hi" & 'bye' \\`,
  'a, b: c; 100% #1 ?x=y',
  'مهمة التنظيف 12',
  'party 🎉 👩‍👩‍👧 größe',
  '日本語の名前',
  '__proto__',
  'constructor',
  'c'.repeat(200),
  `${'word '.repeat(39)}ends`,
];

/** What is wider than it may be. */
const overflowing = ({ page }: UiPage): Promise<readonly string[]> =>
  page.evaluate(() => {
    const isWide = (element: Element): boolean => element.scrollWidth > element.clientWidth + 1;
    const rows = [...document.querySelectorAll('.job-row, .tree-rows, .inspector, .job-heading, main')];
    return [document.documentElement, ...rows]
      .filter(isWide)
      .map(({ className, tagName }) => `${tagName} ${className}`);
  });

describeInBrowser('names with markup, quotes, other scripts and 200 letters', () => {
  test('are shown as they are in the graph, the tree and beside it', async () => {
    const definition = jobFrom(
      NAMES[0] as string,
      NAMES.map((name, at) => ({ name, dependsOn: NAMES.slice(Math.max(0, at - 1), at), run: () => ({}) })),
    );
    const { url, server } = await servedUi();
    await server.engine.start(definition, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    await ui.painted(0);
    expect((await ui.scene()).boxes.map(({ title }) => title).sort()).toEqual([...NAMES].sort());
    const tree = ui.page.locator('.tree-row');
    await until(async () => expect(await tree.count()).toBeGreaterThan(5));
    for (const name of NAMES) {
      const row = tree.filter({ has: ui.page.getByTitle(name, { exact: true }) });
      await until(async () => {
        if ((await row.count()) === 0) await ui.page.locator('.tree-rows').press('PageDown');
        expect(await row.locator('.cut').textContent({ timeout: 500 })).toBe(name);
      });
      await row.click();
      expect(await ui.page.locator('.inspector h2').textContent()).toBe(name);
      expect(await overflowing(ui)).toEqual([]);
      expect(new URL(ui.page.url()).searchParams.get('task')).toBe(name);
    }
    expect(await ui.page.locator('main img, main script').count()).toBe(0);
    expect(await ui.page.locator('h1').textContent()).toBe(NAMES[0]);
    expect(await ui.page.title()).toBe(`${NAMES[0]} · tintype`);
  });

  test('are shown as they are in the list', async () => {
    const { url, server } = await servedUi();
    for (const name of NAMES) await server.engine.start(jobFrom(name, [{ name: 'a', run: () => ({}) }]), {});
    const ui = await openUi(url, '/');
    const links = ui.page.locator('.job-row a');
    await until(async () => expect((await links.allTextContents()).sort()).toEqual([...NAMES].sort()));
    expect(await ui.page.locator('main img, main script').count()).toBe(0);
    expect(await overflowing(ui)).toEqual([]);
  });
});
