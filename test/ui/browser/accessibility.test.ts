import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { AnyDefinition } from '../../../src/engine/job-definition.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { defineSchedule } from '../../../src/server/schedules/define-schedule.ts';
import { describeInBrowser, gates, type OpenOptions, openUi, servedUi, type UiPage, until } from './support.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

/** What axe has against the page: rule, place and reason of each violation. */
const violations = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(
    (values) =>
      (window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } }).axe.run({
        runOnly: { type: 'tag', values },
      }),
    RULES,
  );
  return found.flatMap(({ id, nodes }) => nodes.map((one) => `${id} ${one.target.join(' ')}: ${one.failureSummary}`));
};

const jobs = (pass: (name: string) => Promise<void>): readonly AnyDefinition[] => {
  const log =
    (lines: number) => (scope: { readonly log: { info: (text: string) => void; error: (text: string) => void } }) => {
      for (let line = 0; line < lines; line++) scope.log.info(`line ${line} with \u001b[31mred\u001b[0m`);
      scope.log.error('and an error');
    };
  return [
    jobFrom(
      'warehouse',
      [
        { name: 'fetch', run: log(60) },
        {
          name: 'clean',
          kind: 'map',
          dependsOn: ['fetch'],
          over: [1, 2, 3],
          continueOnFailure: true,
          each: ({ item }) => {
            if (item === 2) throw new Error('a line has 7 fields, not 8', { cause: new Error('ENOENT') });
          },
        },
        {
          name: 'mart',
          kind: 'job',
          dependsOn: ['clean'],
          definition: jobFrom('mart', [{ name: 'load', run: () => pass('load') }]),
        },
        { name: 'flaky', maxRetries: 3, retry: { delayMs: 3_600_000 }, run: () => Promise.reject(new Error('no')) },
        { name: 'exhausted', maxRetries: 0, onExhausted: 'pause', run: () => Promise.reject(new Error('no')) },
        {
          name: 'approve',
          kind: 'external',
          owner: 'boss',
          output: z.object({ name: z.string(), count: z.number(), yes: z.boolean(), kind: z.enum(['a', 'b']) }),
        },
        { name: 'sign', kind: 'external', owner: 'boss', data: { question: 'Is it right?' } },
        { name: 'publish', dependsOn: ['mart', 'approve'], pool: 'db', run: () => ({}) },
      ],
      { pools: { db: 1 } },
    ),
    jobFrom('short', [
      { name: 'done', run: () => ({ output: 1 }) },
      { name: 'bad', run: () => Promise.reject(new Error('no')) },
      { name: 'after', dependsOn: ['bad'], run: () => ({}) },
    ]),
  ];
};

const PAGES = [
  '/',
  '/?state=running&q=ware',
  '/?q=nothing-is-like-this',
  '/waiting',
  '/waiting?unit=j.YXBwcm92ZQ',
  '/topics',
  '/topics/orders',
  '/limits',
  '/definitions',
  '/definitions/warehouse',
  '/nowhere',
  '/jobs/none',
  '/jobs/j',
  '/jobs/j?view=time&open=clean,mart',
  '/jobs/j?view=graph&open=clean',
  '/jobs/j?task=clean[1]&open=clean',
  '/jobs/j?task=publish&path=critical&state=failed',
  '/jobs/j?task=approve&find=app&around=approve',
  '/jobs/j?at=5',
  '/jobs/over?task=bad',
  '/jobs/over?show=metrics',
  '/definitions/short',
  '/jobs/j/log',
  '/jobs/j/log?task=fetch&q=line+5#L7-L9',
];

const opened = async (options: OpenOptions): Promise<UiPage> => {
  const { pass } = gates();
  const definitions = jobs(pass);
  const [warehouse, short] = definitions as [AnyDefinition, AnyDefinition];
  const { url, server, client } = await servedUi({
    definitions,
    schedules: [defineSchedule({ name: 'nightly', definition: short, cron: '0 3 * * *', timezone: 'UTC' })],
    pools: { shared: 3 },
  });
  const job = server.engine.start(warehouse, {}, { jobId: 'j' });
  server.engine.start(short, {}, { jobId: 'over' });
  await client.topics.create({ name: 'orders', title: 'Orders' });
  await until(() => {
    expect(job.explain('flaky')).toMatchObject([{ state: 'retrying' }]);
    expect(job.explain('mart/load')).toMatchObject([{ state: 'running' }]);
  });
  const ui = await openUi(url, '/', options);
  ui.allow(/404/);
  return ui;
};

/** Waits until nothing of the page is on its way any more. */
const settled = async ({ page }: UiPage): Promise<void> => {
  await page.locator('main').waitFor();
  await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
};

const fits = ({ page }: UiPage): Promise<readonly string[]> =>
  page.evaluate(() =>
    document.documentElement.scrollWidth <= innerWidth
      ? []
      : [...document.querySelectorAll('body *')]
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
          .map((one) => `${one.tagName}.${one.className} ${one.textContent?.slice(0, 40)}`),
  );

describeInBrowser('every page', () => {
  test.each<[string, OpenOptions]>([
    ['in the light', { colorScheme: 'light' }],
    ['in the dark', { colorScheme: 'dark' }],
    ['on a phone of 390 px', { width: 390, height: 800 }],
    // A window of 1280 by 800 at 200 %.
    ['at 200 %', { width: 640, height: 400, deviceScaleFactor: 2 }],
  ])('%s has no violation of WCAG 2.2 AA that axe finds, and is no wider than the window', async (_, options) => {
    const ui = await opened(options);
    const found: string[] = [];
    for (const path of PAGES) {
      await ui.go(path);
      await settled(ui);
      for (const one of [...(await violations(ui.page)), ...(await fits(ui))]) found.push(`${path} ${one}`);
    }
    expect(found).toEqual([]);
  });

  test('stands still for who wants no motion', async () => {
    const ui = await opened({ reducedMotion: 'reduce' });
    for (const path of PAGES) {
      await ui.go(path);
      await settled(ui);
      expect(
        await ui.page.evaluate(() =>
          [...document.querySelectorAll('*')]
            .filter((one) => {
              const { animationName, transitionDuration } = getComputedStyle(one);
              return animationName !== 'none' || transitionDuration !== '0s';
            })
            .map(({ className }) => className),
        ),
        path,
      ).toEqual([]);
    }
  });

  test('marks in forced colours what is chosen and what is refused', async () => {
    const ui = await opened({ forcedColors: 'active' });
    await ui.go('/jobs/j?task=clean[1]&open=clean');
    await settled(ui);
    const outlined = (name: string) =>
      ui.page.locator(name).evaluateAll((all) => all.map((one) => getComputedStyle(one).outlineStyle));
    for (const chosen of ['nav [aria-current=page]', '.segments [aria-pressed=true]', '.tree-row[aria-selected=true]'])
      expect(await outlined(chosen), chosen).toEqual(['solid']);
    const colour = (name: string) =>
      ui.page.getByRole('button', { name }).evaluate((one) => getComputedStyle(one).color);
    expect(await colour('Rerun from here …')).not.toBe(await colour('Around it'));
  });
});
