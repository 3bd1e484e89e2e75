import { expect, test } from 'vitest';
import { defineJob } from '../../../src/engine/builder.ts';
import { describeInBrowser, openUi, servedUi, type UiPage, until } from './support.ts';

const LINES = 200_000;
const ESC = '\u001b[';
const LONG = 1_000_000;

/** Lines that are not like the others, by their numbers. */
const STRANGE: Readonly<Record<number, string>> = {
  5000: `${ESC}1;31mred and bold${ESC}0m and plain ${ESC}38;5;208morange${ESC}0m`,
  5001: '<script>document.title = "taken"</script><img src=x onerror="document.title=1">',
  5002: 'bell\u0007 null\u0000 back\u0008 \u202eturned\u202c end',
  5003: 'مرحبا 👩‍👩‍👧 日本語',
  // More than the server gives at once.
  ...Object.fromEntries([5_004, 5_005, 5_006, 5_007].map((line) => [line, `${line} ${'x'.repeat(LONG)}`])),
  199900: 'the needle',
};

const logged = async (lines: number) => {
  const definition = defineJob('talk', { logs: { first: lines, last: 0, maxBytes: 1_000_000_000 } })
    .task('speak', ({ log }) => {
      for (let line = 1; line <= lines; line++) log.info(STRANGE[line] ?? `line ${line}`);
    })
    .seal();
  const ui = await servedUi();
  await ui.server.engine.start(definition, {}, { jobId: 'j' });
  return ui;
};

/** The text of the line with a number, once it is in sight. */
const lineOf = ({ page }: UiPage, number: number) =>
  page.locator('.log-line', { has: page.locator(`a[href="#L${number}"]`) });

const textOf = async (ui: UiPage, number: number): Promise<string> =>
  (await lineOf(ui, number).locator('> span').last().textContent()) ?? '';

const inSight = ({ page }: UiPage, number: number): Promise<boolean> =>
  page.locator(`.log-line a[href="#L${number}"]`).evaluate((link) => {
    const { top, bottom } = link.getBoundingClientRect();
    const around = (link.closest('.scroll') as Element).getBoundingClientRect();
    return top >= around.top - 1 && bottom <= around.bottom + 1;
  });

describeInBrowser('a log of 200,000 lines', () => {
  test('is reached at its end in one jump, searched to its end, and linked to by line', async () => {
    const { url } = await logged(LINES);
    const ui = await openUi(url, '/jobs/j/log?task=speak#L120-L140');
    await until(async () => expect(await textOf(ui, 120)).toBe('line 120'));
    expect(await inSight(ui, 120)).toBe(true);
    await until(async () => expect(await ui.page.locator('.log-line.chosen').count()).toBe(21));

    await ui.page.keyboard.press('End');
    await until(async () => expect(await textOf(ui, LINES)).toBe(`line ${LINES}`));
    expect(await inSight(ui, LINES)).toBe(true);
    expect(await ui.page.locator('.log-line').count()).toBeLessThan(150);

    await ui.page.keyboard.press('/');
    await ui.page.keyboard.type('needle');
    await until(async () => expect(await ui.page.locator('.find em').textContent()).toBe('1'));
    await ui.page.keyboard.press('Enter');
    await until(async () => expect(await inSight(ui, 199_900)).toBe(true));
    expect(await lineOf(ui, 199_900).getAttribute('class')).toContain('hit');
    expect(ui.address()).toBe('/jobs/j/log?task=speak&q=needle#L199900');

    await lineOf(ui, 199_901).locator('a').click();
    expect(ui.address()).toBe('/jobs/j/log?task=speak&q=needle#L199901');
    await ui.go('/jobs/j/log?task=speak#L199901');
    await until(async () => expect(await inSight(ui, 199_901)).toBe(true));
  });

  test('that is opened with a text to find shows the first line with it, and its end if there is none', async () => {
    const { url } = await logged(6_000);
    const ui = await openUi(url, '/jobs/j/log?task=speak&q=bell');
    await until(async () => expect(await inSight(ui, 5_002)).toBe(true));
    await ui.page.keyboard.press('Escape');
    await ui.go('/jobs/j/log?task=speak&q=nothing-like-it');
    await until(async () => expect(await inSight(ui, 6_000)).toBe(true));
  });

  test('shows colours, markup, control characters and lines of a million letters as text', async () => {
    const { url } = await logged(6_000);
    const ui = await openUi(url, '/jobs/j/log?task=speak#L5000');
    await until(async () => expect(await textOf(ui, 5_000)).toBe('red and bold and plain orange'));
    // A page that comes later moves the lines: what is read then may be another one.
    await until(async () => {
      const colours = await lineOf(ui, 5_000)
        .locator('> span > span')
        .evaluateAll((pieces) =>
          pieces.map((piece) => [piece.textContent, getComputedStyle(piece).color, getComputedStyle(piece).fontWeight]),
        );
      const [red, plain, orange] = colours;
      expect([red?.[0], red?.[2]]).toEqual(['red and bold', '700']);
      expect(red?.[1]).not.toBe(plain?.[1]);
      expect(orange).toEqual(['orange', 'rgb(255, 135, 0)', '400']);
      expect(await textOf(ui, 5_001)).toBe(STRANGE[5_001]);
      expect(await textOf(ui, 5_002)).toBe('bell null back turned end');
      expect(await textOf(ui, 5_003)).toBe(STRANGE[5_003]);
    });
    expect(await ui.page.locator('.log img, .log script').count()).toBe(0);

    // The last of the long lines and what comes after them, too.
    for (const line of [5_004, 5_007])
      await until(async () => {
        const text = await textOf(ui, line);
        expect(text.replace(/x+/, 'x')).toBe(`${line} x … 995,005 letters more`);
      });
    await until(async () => expect(await textOf(ui, 5_008)).toBe('line 5008'));
    expect(await ui.page.title()).toBe('Log of speak · tintype');
    expect(await ui.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  });
});
