import { defineJob } from 'tintype';
import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import {
  describeInBrowser,
  eventsOf,
  gates,
  openUi,
  type ServedUi,
  servedUi,
  started,
  statesAfter,
  type UiPage,
  until,
} from './support.ts';

/** A server with a job `dinner` that has failed, after a pause half-way, and some others. */
const kitchen = async (): Promise<ServedUi & { readonly pause: number }> => {
  const { pass, open } = gates();
  const cook = defineJob('cook')
    .task('peel', ({ log }) => {
      for (let line = 1; line <= 9; line++) log.info(`peeled ${line}`);
    })
    .map('plates', { dependsOn: ['peel'], over: [1, 2, 3], maxRetries: 1 }, ({ item, log, attempt }) => {
      log.info(`plate ${item}, attempt ${attempt}`);
      if (item === 2) throw new Error('The plate broke.');
    })
    .seal();
  const dinner = defineJob('dinner')
    .task('wash', () => {})
    .task('wait', { dependsOn: ['wash'] }, () => pass('wait'))
    .job('cook', { dependsOn: ['wait'] }, cook)
    .task('serve', { dependsOn: ['cook'] }, () => {})
    .task('bill', { dependsOn: ['wait'] }, () => {})
    .seal();
  const quick = defineJob('quick')
    .task('wash', () => {})
    .seal();
  const approval = defineJob('approval').external('approve', { owner: 'chef' }).external('taste').seal();
  const served = await servedUi({ definitions: [dinner, quick, approval] });
  const { engine } = served.server;
  await engine.start(quick, {}, { jobId: 'one', labels: { shift: 'late' } });
  await engine.start(quick, {}, { jobId: 'two' });
  void engine.start(approval, {}, { jobId: 'waits' });
  const job = engine.start(dinner, {}, { jobId: 'dinner', onFailure: 'continue' });
  const { at } = await until(async () => {
    const event = (await eventsOf(served.client, 'dinner')).at(-1);
    expect(event).toMatchObject({ task: 'wait', to: 'running' });
    return event as { readonly at: number };
  });
  await until(() => expect(Date.now()).toBeGreaterThan(at + 40));
  open('wait');
  await job;
  const { startedAt } = await served.client.jobs.view('dinner');
  return { ...served, pause: at + 20 - startedAt };
};

/** What one sees of a page: what is selected, unfolded, pressed, written in fields, listed. */
const seen = async (ui: UiPage): Promise<unknown> => {
  await ui.page.locator('main:not([aria-busy=true])').waitFor();
  const hasGraph = (await ui.page.locator('.graph canvas').count()) > 0;
  const boxes = hasGraph ? (await ui.scene()).boxes : [];
  return {
    ...(await ui.page.evaluate(() => {
      const texts = (selector: string): string[] =>
        [...document.querySelectorAll(selector)].map((one) => one.textContent ?? '');
      return {
        title: document.title,
        heading: texts('h1'),
        pressed: texts('[aria-pressed=true]'),
        chips: texts('.chip.on'),
        fields: [...document.querySelectorAll('input')].map(({ value }) => value),
        unfolded: texts('[aria-expanded=true] [role=gridcell]:first-child, button[aria-expanded=true]'),
        selected: texts('[role=row][aria-selected=true] [role=gridcell]:first-child'),
        inspector: [...document.querySelectorAll('aside')].map((one) => one.getAttribute('aria-label')),
        rows: [...document.querySelectorAll('[role=treegrid] [role=gridcell]:first-child')].map((one) =>
          one.getAttribute('aria-label'),
        ),
        jobs: texts('.job-list [role=row] code'),
        axis: texts('.axis span'),
        chosenLines: texts('.log-line.chosen'),
        hitLines: texts('.log-line.hit'),
        inspectorLog: texts('.task-log .log-line'),
        groups: texts('.group h2'),
        moment: document.querySelector('.job-title .small')?.textContent?.match(/as it was.*/)?.[0],
      };
    })),
    boxes: boxes.map(({ key, isUnfolded }) => `${key}${isUnfolded ? ' unfolded' : ''}`),
    states: hasGraph ? (await ui.states()).states : undefined,
    counts: await ui.counts(),
  };
};

/** Opens the address of a tab in a fresh one, where the same is to be seen. */
const expectSameElsewhere = async (ui: UiPage, url: string): Promise<void> => {
  const fresh = await openUi(url, ui.page.url().slice(url.length));
  await until(async () => expect(await seen(fresh)).toEqual(await seen(ui)));
  await fresh.page.close();
};

describeInBrowser('an address', () => {
  test('of a job has selection, folding, filter, pictures, moment and range; back goes through what was opened', async () => {
    const { url, client, pause } = await kitchen();
    const ui = await openUi(url, '/jobs/dinner');
    const { page } = ui;
    const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
    const row = (name: RegExp) => page.getByRole('row', { name });
    /** Does something, after which the page has another address; what is seen there is seen by everybody. */
    const leadsTo = async (deed: () => Promise<unknown>, address: string | RegExp): Promise<void> => {
      const before = await seen(ui);
      await deed();
      await until(async () => expect(await seen(ui)).not.toEqual(before));
      await until(() => expect(ui.address()).toMatch(typeof address === 'string' ? exactly(address) : address));
      await expectSameElsewhere(ui, url);
    };
    await leadsTo(() => row(/^cook, failed/).click(), '?task=cook');
    await leadsTo(() => button('Unfold cook').click(), '?task=cook&open=cook');
    await leadsTo(() => button('Unfold plates').click(), '?task=cook&open=cook,cook/plates');
    await leadsTo(() => row(/^\[1\], failed/).click(), '?task=cook/plates[1]&open=cook,cook/plates');
    await page.goBack();
    await until(() => expect(ui.address()).toBe('/jobs/dinner?task=cook&open=cook'));
    await expectSameElsewhere(ui, url);
    await page.goBack();
    await until(() => expect(ui.address()).toBe('/jobs/dinner?task=cook'));
    await expectSameElsewhere(ui, url);
    await page.goForward();
    await page.goForward();
    await until(() => expect(ui.address()).toBe('/jobs/dinner?task=cook/plates[1]&open=cook,cook/plates'));
    // One at a time, and away again.
    const base = '?task=cook/plates[1]&open=cook,cook/plates';
    const find = page.getByLabel('Find a task');
    const filter = page.locator('.state-switch', { hasText: 'failed' });
    const away = async (deed: Promise<unknown>): Promise<void> => {
      await deed;
      await until(() => expect(ui.address()).toBe(`/jobs/dinner${base}`));
    };
    await leadsTo(() => filter.click(), `${base}&state=failed`);
    await away(filter.click());
    await leadsTo(() => find.fill('plates'), `${base}&find=plates`);
    await away(find.press('Escape'));
    await leadsTo(() => page.keyboard.press('p'), `${base}&path=critical`);
    await away(page.keyboard.press('p'));
    await leadsTo(() => button('Around it').click(), `${base}&around=cook/plates[1]`);
    await away(button('Show all').click());
    await leadsTo(() => page.keyboard.press('1'), `${base}&view=graph`);
    await leadsTo(() => page.keyboard.press('3'), `${base}&view=time`);
    await away(page.keyboard.press('2'));
    const strip = page.getByRole('slider', { name: 'Moment on show' });
    const { x, y, width } = (await strip.boundingBox()) as { x: number; y: number; width: number };
    await leadsTo(() => page.mouse.click(x + width / 2, y + 9), /&at=\d+$/);
    await away(page.keyboard.press('.'));
    await leadsTo(async () => {
      await page.keyboard.down('Shift');
      await page.mouse.move(x + width / 4, y + 9);
      await page.mouse.down();
      await page.mouse.move(x + width / 2, y + 9);
      await page.mouse.up();
      await page.keyboard.up('Shift');
    }, /&range=\d+-\d+$/);

    // A moment at which the job had come as far as `wait`.
    await ui.go(`/jobs/dinner?at=${pause}&open=cook&foo=bar`);
    await until(async () => expect((await ui.states()).states).toMatchObject({ wash: 'completed', wait: 'running' }));
    const events = await eventsOf(client, 'dinner');
    const { startedAt } = await client.jobs.view('dinner');
    const seq = events.findLast(({ at }) => at <= startedAt + pause)?.seq;
    expect(started((await ui.states()).states)).toEqual(started(statesAfter(events, seq)));
    await until(async () => expect(await ui.counts()).toMatchObject({ completed: 1, running: 1 }));
    await leadsTo(() => row(/^wait, running/).click(), `?at=${pause}&open=cook&foo=bar&task=wait`);
  });

  test('of lists, logs and forms has filter, lines, attempt and what is open; back and forth work', async () => {
    const { url } = await kitchen();
    const ui = await openUi(url);
    const { page } = ui;
    const jobs = (): Promise<readonly string[]> => page.locator('.job-list [role=row] code').allTextContents();
    const shows = async (address: string, ids: readonly string[]): Promise<void> => {
      await until(() => expect(ui.address()).toBe(address));
      await until(async () => expect(await jobs()).toEqual(ids));
      await expectSameElsewhere(ui, url);
    };
    await page.locator('.state-switch', { hasText: 'completed' }).click();
    await shows('/?state=completed', ['two', 'one']);
    await page.getByLabel('Name or id').fill('on');
    await shows('/?state=completed&q=on', ['one']);
    await page.getByRole('row', { name: /quick one/ }).click();
    await until(() => expect(ui.address()).toBe('/jobs/one'));
    await page.goBack();
    await shows('/?state=completed&q=on', ['one']);
    await page.goForward();
    await until(async () => expect(await ui.counts()).toEqual({ completed: 1 }));
    expect(ui.address()).toBe('/jobs/one');
    await ui.go('/?label=shift:late&unknown=kept');
    await shows('/?label=shift:late&unknown=kept', ['one']);
    await ui.go('/?name=quick&before=9999999999999&since=1');
    await shows('/?name=quick&before=9999999999999&since=1', ['two', 'one']);

    await ui.go('/jobs/dinner/log?task=cook/peel');
    await page.getByRole('link', { name: '3', exact: true }).click();
    await page.getByRole('link', { name: '5', exact: true }).click({ modifiers: ['Shift'] });
    await until(() => expect(ui.address()).toBe('/jobs/dinner/log?task=cook/peel#L3-L5'));
    expect(await page.locator('.log-line.chosen').count()).toBe(3);
    await expectSameElsewhere(ui, url);
    await page.getByLabel('Find in the log').fill('peeled 8');
    await page.locator('.log-line.hit').waitFor();
    await until(() => expect(ui.address()).toMatch(/^\/jobs\/dinner\/log\?task=cook\/peel&q=peeled.8#L3-L5$/));
    await expectSameElsewhere(ui, url);
    for (const [address, text] of [
      ['/jobs/dinner?task=cook/plates[1]', 'plate 2, attempt 2'],
      ['/jobs/dinner?task=cook/plates[1]&attempt=1', 'plate 2, attempt 1'],
      ['/jobs/dinner/log?task=cook/plates[1]&attempt=1', 'plate 2, attempt 1'],
    ] as const) {
      await ui.go(address);
      await until(async () => expect(await page.locator('.log-line').allTextContents()).toHaveLength(1));
      await page.locator('.log-line').getByText(text).waitFor();
    }

    await ui.go('/waiting');
    await page.getByRole('button', { name: 'approve' }).click();
    await page.getByText('Complete it').waitFor();
    await until(() => expect(ui.address()).toMatch(/^\/waiting\?unit=/));
    await expectSameElsewhere(ui, url);
    await ui.go('/waiting?owner=chef');
    await until(async () => expect(await page.locator('.group h2').allTextContents()).toEqual(['For chef 1 unit']));

    await page.getByRole('link', { name: 'Definitions' }).click();
    await page.getByRole('link', { name: 'dinner' }).click();
    await page.getByRole('heading', { name: 'Last jobs' }).waitFor();
    await expectSameElsewhere(ui, url);
    await page.goBack();
    await page.goBack();
    await until(() => expect(ui.address()).toBe('/waiting?owner=chef'));
    await page.getByRole('button', { name: 'for chef' }).waitFor();
    await page.goForward();
    await page.goForward();
    await page.getByRole('heading', { name: 'Last jobs' }).waitFor();
    expect(ui.address()).toBe('/definitions/dinner');
  });
});

const exactly = (query: string): RegExp => new RegExp(`${query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

describeInBrowser('an address that somebody typed', () => {
  test('may have dates, texts that are too long, and what is not there; u goes back to the list as it was', async () => {
    const { url, server } = await servedUi();
    const rule = jobFrom('rule', [
      { name: 'good', run: () => ({}) },
      { name: 'never', dependsOn: ['good'], trigger: 'allSkipped', run: () => ({}) },
    ]);
    await server.engine.start(rule, {}, { jobId: 'j' });
    const ui = await openUi(url, '/?since=2026-01-01');
    const row = ui.page.locator('.job-row', { hasText: 'rule' });
    await row.waitFor();
    await ui.go('/?since=2999-01-01');
    await ui.page.getByText('No job fits').waitFor();
    await ui.go(`/?q=${'x'.repeat(300)}`);
    await ui.page.getByText('No job fits').waitFor();
    await ui.go('/?state=completed');
    await row.getByRole('link').click();
    await ui.page.locator('.job-title').waitFor();
    await ui.page.keyboard.press('u');
    await row.waitFor();
    expect(ui.address()).toBe('/?state=completed');

    await ui.go('/jobs/j?open=nope,good&task=never');
    const why = ui.page.locator('.why', { hasText: 'asks for another end of these' });
    await why.getByText('good').waitFor();
    expect(await ui.page.getByRole('button', { name: 'Fold all' }).count()).toBe(0);
  });
});
