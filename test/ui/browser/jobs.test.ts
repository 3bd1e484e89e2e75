import { expect, test } from 'vitest';
import type { Journal } from '../../../src/engine/durable/journal.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { lease, newFile, newJob, opened } from '../../support/sqlite-files.ts';
import { describeInBrowser, gates, openUi, servedUi, type UiPage, until } from './support.ts';

const JOBS = 100_000;
const AT = Date.UTC(2026, 0, 1);
const STATES = ['completed', 'completed', 'completed', 'failed', 'cancelled'] as const;

/** Stores jobs that are over: `job-0` and so on, a second apart. The newest, with the greatest number, is the first of the list. */
const storeJobs = async (journal: Journal, count = JOBS): Promise<void> => {
  for (let from = 0; from < count; from += 500)
    await journal.append(
      Array.from({ length: 500 }, (_, at) => {
        const number = from + at;
        const createdAt = AT + number * 1000;
        return {
          jobId: `job-${number}`,
          fence: 1,
          at: createdAt,
          creates: { job: { ...newJob(`job-${number}`), createdAt }, lease: lease() },
          events: [{ seq: 0, data: JSON.stringify({ type: 'job.transition', from: 'running', to: 'completed' }) }],
          notes: [],
          state: STATES[number % STATES.length] as (typeof STATES)[number],
          startedAt: createdAt,
          endedAt: createdAt + 500,
          release: true,
        };
      }),
    );
};

/** The ids of the rows in sight, by their places, once they have come. */
const rows = async ({ page }: UiPage): Promise<readonly (readonly [number, string])[]> => {
  const seen = await page.locator('.job-list .scroll').evaluate((list) => {
    const { top, bottom } = list.getBoundingClientRect();
    return [...list.querySelectorAll('.job-row')]
      .filter((row) => row.getBoundingClientRect().top >= top - 1 && row.getBoundingClientRect().bottom <= bottom + 1)
      .map(
        (row) => [Number(row.getAttribute('aria-rowindex')) - 1, row.querySelector('code')?.textContent ?? ''] as const,
      );
  });
  expect(seen.length).toBeGreaterThan(10);
  expect(seen.filter(([, id]) => id === '')).toEqual([]);
  return seen;
};

const idAt = (place: number, total = JOBS): string => `job-${total - 1 - place}`;

const expectRows = (ui: UiPage, idOf: (place: number) => string, least = 0): Promise<void> =>
  until(async () => {
    const seen = await rows(ui);
    expect(seen[0]?.[0]).toBeGreaterThanOrEqual(least);
    expect(seen).toEqual(seen.map(([place]) => [place, idOf(place)]));
  });

const jump = ({ page }: UiPage, place: number): Promise<void> =>
  page.locator('.job-list .scroll').evaluate((list, to) => {
    list.scrollTop = to * 36;
  }, place);

describeInBrowser('a list of 100,000 jobs', () => {
  test('shows the last one, keeps its rows in place while others start, and shows those when asked', async () => {
    const journal = opened(newFile(), { synchronous: 'normal' });
    await storeJobs(journal);
    const { pass } = gates();
    const definition = jobFrom('fresh', [{ name: 'a', run: () => pass('a') }]);
    const { url, server } = await servedUi({ journal });
    const ui = await openUi(url, '/');
    await expectRows(ui, (place) => idAt(place));
    await ui.page.keyboard.press('End');
    await until(async () => expect((await rows(ui)).at(-1)).toEqual([JOBS - 1, 'job-0']));
    expect(await ui.page.locator('*').count()).toBeLessThan(800);
    await ui.page.keyboard.press('Home');
    await expectRows(ui, (place) => idAt(place));

    for (let at = 0; at < 7; at++) server.engine.start(definition, {}, { jobId: `fresh-${at}` });
    await ui.page.getByRole('button', { name: '7 new jobs' }).waitFor();
    await expectRows(ui, (place) => idAt(place));
    // Pages that come only now continue those that are there.
    for (const place of [190, 390, 50_000]) {
      await jump(ui, place);
      await expectRows(ui, (one) => idAt(one), place - 1);
    }
    await ui.page.getByRole('button', { name: '7 new jobs' }).click();
    await jump(ui, 0);
    await until(async () =>
      expect((await rows(ui)).slice(0, 8).map(([, id]) => id)).toEqual([
        ...[6, 5, 4, 3, 2, 1, 0].map((at) => `fresh-${at}`),
        idAt(0),
      ]),
    );
    expect(await ui.page.getByRole('button', { name: /new job/ }).count()).toBe(0);
  });

  test('is filtered by state and searched by the beginning of an id, and the address says so', async () => {
    const journal = opened(newFile(), { synchronous: 'normal' });
    await storeJobs(journal);
    const { url } = await servedUi({ journal });
    const ui = await openUi(url, '/');
    const total = (): Promise<string | null> => ui.page.locator('[role=grid]').getAttribute('aria-rowcount');
    await until(async () => expect(await total()).toBe('100000'));
    await ui.page.getByRole('button', { name: /^failed/ }).click();
    await until(async () => expect(await total()).toBe('20000'));
    await expectRows(ui, (place) => `job-${99_998 - place * 5}`);
    await ui.page.keyboard.press('/');
    await ui.page.keyboard.type('job-9999');
    await until(async () => expect(await total()).toBe('2'));
    expect(ui.address()).toBe('/?state=failed&q=job-9999');
    await until(async () =>
      expect(await ui.page.locator('.job-row code').allTextContents()).toEqual(['job-99998', 'job-99993']),
    );
  });
});

/** Answers for a server that would have so many jobs. */
const pretend = async ({ page }: UiPage, total: number): Promise<void> => {
  await page.route(/\/api\/v1\/jobs\?/, (route) => {
    if (route.request().headers().accept?.includes('event-stream'))
      return route.fulfill({ contentType: 'text/event-stream', body: 'retry: 60000\n\n' });
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get('from'));
    const items = Array.from({ length: Math.min(Number(query.get('size')), total - from) }, (_, at) => ({
      id: idAt(from + at, total),
      name: 'job',
      state: 'completed',
      interrupted: false,
      createdAt: AT,
      startedAt: AT,
      endedAt: AT + 1000,
    }));
    return route.fulfill({ json: { items, total, counts: { completed: total }, now: AT, from, nextCursor: null } });
  });
};

describeInBrowser('a list of 300,000 jobs', () => {
  test('is scrolled to its last one, with rows over the whole height all the way', async () => {
    const many = 300_000;
    const { url } = await servedUi();
    const ui = await openUi(url, '/limits');
    await pretend(ui, many);
    await ui.page.getByRole('link', { name: 'Jobs' }).click();
    await expectRows(ui, (place) => idAt(place, many));
    const list = ui.page.locator('.job-list .scroll');
    const covered = (): Promise<boolean> =>
      list.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        const edges = [...element.querySelectorAll('.job-row')].map((row) => row.getBoundingClientRect());
        const [first, last] = [edges[0], edges.at(-1)];
        const steps = edges.slice(1).map((edge, at) => edge.top - (edges[at]?.top ?? 0));
        return (
          first !== undefined &&
          last !== undefined &&
          first.top <= top + 1 &&
          last.bottom >= bottom - 1 &&
          steps.every((step) => Math.abs(step - 36) < 1)
        );
      });
    const whole = await list.evaluate((element) => element.scrollHeight - element.clientHeight);
    for (const part of [0.001, 0.3, 0.5, 0.9, 0.9999, 1]) {
      await list.evaluate((element, to) => {
        element.scrollTop = to;
      }, whole * part);
      await expectRows(ui, (place) => idAt(place, many), Math.floor(part * (many - 60)));
      await until(async () => expect(await covered()).toBe(true));
    }
    expect((await rows(ui)).at(-1)).toEqual([many - 1, 'job-0']);
    await ui.page.keyboard.press('Home');
    await expectRows(ui, (place) => idAt(place, many));
    await ui.page.keyboard.press('End');
    await until(async () => expect((await rows(ui)).at(-1)).toEqual([many - 1, 'job-0']));
    await ui.page.keyboard.press('PageUp');
    await ui.page.keyboard.press('PageUp');
    const chosen = ui.page.locator('.job-row.selected');
    await until(async () => expect(Number(await chosen.getAttribute('aria-rowindex'))).toBeLessThan(many - 20));
    expect(await chosen.evaluate((row) => row.getBoundingClientRect().top)).toBeGreaterThan(0);
  });
});
