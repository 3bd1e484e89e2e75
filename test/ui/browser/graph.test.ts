import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, openUi, servedUi, until } from './support.ts';

describeInBrowser('the graph', () => {
  test('selects by the first button of the mouse alone, as the timeline does', async () => {
    const { url, server } = await servedUi();
    await server.engine.start(jobFrom('one', [{ name: 'alone', run: () => ({}) }]), {}, { jobId: 'j' });
    const { page, painted, address } = await openUi(url, '/jobs/j');
    await painted(0);
    const bars = { position: { x: 40, y: 8 } };
    for (const button of ['right', 'middle'] as const) {
      await page.locator('.graph canvas').click({ button });
      await page.locator('.bars').click({ button, ...bars });
      await page.locator('.overview-strip').click({ button });
    }
    expect(address()).toBe('/jobs/j');
    await page.locator('.bars').click(bars);
    await until(() => expect(address()).toBe('/jobs/j?task=alone'));
    await page.keyboard.press('Escape');
    await page.locator('.graph canvas').click();
    await until(() => expect(address()).toBe('/jobs/j?task=alone'));
  });

  test('is dragged and zoomed, and is shown whole again when asked', async () => {
    const { url, server } = await servedUi();
    await server.engine.start(jobFrom('one', [{ name: 'alone', run: () => ({}) }]), {}, { jobId: 'j' });
    const { page, painted, address } = await openUi(url, '/jobs/j?view=graph');
    await painted(0);
    const canvas = page.locator('.graph canvas');
    const { x, y, width, height } = (await canvas.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const middle = [x + width / 2, y + height / 2] as const;
    /** Whether the only box is under the pointer at a distance from the middle. */
    const isAt = async (dx: number, dy: number): Promise<boolean> => {
      await page.mouse.move(middle[0] + dx, middle[1] + dy);
      return (await page.locator('.tip').count()) > 0;
    };
    const shows = (dx: number, dy: number, isThere: boolean): Promise<void> =>
      until(async () => expect(await isAt(dx, dy)).toBe(isThere));
    await shows(0, 0, true);
    await shows(300, 150, false);

    await page.mouse.move(...middle);
    await page.mouse.down();
    await page.mouse.move(middle[0] + 300, middle[1] + 150, { steps: 5 });
    await page.mouse.up();
    await shows(300, 150, true);
    await shows(0, 0, false);
    expect(address()).toBe('/jobs/j?view=graph');

    // The point under the pointer stays where it is.
    await page.mouse.move(middle[0] + 300, middle[1] + 150);
    for (let turn = 0; turn < 4; turn++) await page.mouse.wheel(0, -400);
    await shows(300 - width / 4, 150, true);
    await page.getByRole('button', { name: 'Fit all' }).click();
    await shows(0, 0, true);
    await shows(300, 150, false);
  });

  test('is unfolded as a whole, by its address; one box is folded again', async () => {
    const { url, server } = await servedUi();
    const inner = jobFrom('inner', [{ name: 'each', kind: 'map', over: [1, 2], each: () => ({}) }]);
    const outer = jobFrom('outer', [
      { name: 'part', kind: 'job', definition: inner },
      { name: 'rest', kind: 'map', over: [1, 2], dependsOn: ['part'], each: () => ({}) },
    ]);
    await server.engine.start(outer, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    const unfolded = async () => (await ui.scene()).boxes.flatMap(({ key, isUnfolded }) => (isUnfolded ? [key] : []));
    const rows = () => ui.page.getByRole('treegrid').getByRole('row').count();
    await ui.page.getByRole('button', { name: 'Unfold all' }).click();
    await until(async () => expect(await unfolded()).toEqual(['part', 'rest', 'part/each']));
    expect([ui.address(), await rows()]).toEqual(['/jobs/j?fold=none', 7]);

    await ui.page.getByRole('button', { name: 'Fold each' }).click();
    await until(async () => expect(await unfolded()).toEqual(['part', 'rest']));
    expect([ui.address(), await rows()]).toEqual(['/jobs/j?open=part,rest', 5]);
    await ui.page.goBack();
    await until(async () => expect(await unfolded()).toHaveLength(3));
    await ui.page.getByRole('button', { name: 'Fold all' }).click();
    await until(async () => expect(await unfolded()).toEqual([]));
    expect([ui.address(), await rows()]).toEqual(['/jobs/j', 2]);
  });

  test('of a definition is unfolded by its address, too', async () => {
    const many = jobFrom(
      'many',
      Array.from({ length: 100 }, (_, at) => ({ name: `task${at}`, run: () => ({}) })),
    );
    const { url } = await servedUi({ definitions: [many] });
    const ui = await openUi(url, '/definitions/many');
    const boxes = async () => (await ui.scene()).boxes.length;
    await until(async () => expect(await boxes()).toBe(1));
    await ui.page.locator('.graph canvas').dblclick();
    await until(async () => expect(await boxes()).toBe(100));
    await ui.go(ui.address());
    await until(async () => expect(await boxes()).toBe(100));
  });
});
