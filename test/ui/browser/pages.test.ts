import { createServer, request as requestOf } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineJob } from 'tintype';
import type { ServerOptions } from 'tintype/server';
import { expect, onTestFinished, test } from 'vitest';
import { describeInBrowser, gates, line, openUi, type ServedUi, servedUi, type UiPage, until } from './support.ts';

/** A server with a job in each situation: `failed`, `done`, `runs`, `waits` for a person, `stuck` after its last retry. */
const kitchen = async (
  options: Partial<ServerOptions> = {},
): Promise<ServedUi & { readonly openAll: () => void; readonly begin: (id: string) => void }> => {
  const { pass, openAll } = gates();
  const shift = defineJob('shift')
    .task('wash', ({ log }) => log.info('clean'))
    .task('bake', { dependsOn: ['wash'], pool: 'oven' }, async ({ log }) => {
      await pass('bake');
      log.info('hot');
    })
    .seal();
  const dinner = defineJob('dinner')
    .job(
      'cook',
      {},
      defineJob('cook')
        .map('plates', { over: [1, 2, 3] }, ({ item }) => item === 2 && breaks())
        .seal(),
    )
    .task('serve', { dependsOn: ['cook'] }, () => {})
    .seal();
  const approval = defineJob('approval').external('approve', { owner: 'chef' }).seal();
  const stuck = defineJob('stuck').task('lift', { onExhausted: 'pause' }, breaks).seal();
  const served = await servedUi({ ...options, definitions: [shift, dinner, approval, stuck], pools: { oven: 1 } });
  const { engine } = served.server;
  const begin = (jobId: string): void => void engine.start(shift, {}, { jobId });
  begin('runs');
  begin('next');
  void engine.start(approval, {}, { jobId: 'waits' });
  void engine.start(stuck, {}, { jobId: 'stuck' });
  await engine.start(dinner, {}, { jobId: 'failed' });
  await served.client.topics.create({ name: 'festival', title: 'The festival' });
  await served.client.schedules.create({ name: 'evening', definition: 'dinner', cron: '0 18 1 1 *' });
  return { ...served, openAll, begin };
};

const breaks = (): never => {
  throw new Error('The plate broke.');
};

/** Addresses of all pages, each with what is to be read there. */
const PAGES = {
  '/': 'failed',
  '/?state=failed': 'dinner',
  '/jobs/runs': 'bake',
  '/jobs/failed': 'serve',
  '/jobs/failed?view=graph&task=cook/plates[1]': 'The plate broke.',
  '/jobs/failed?view=time&open=cook,cook/plates': '[1]',
  '/jobs/waits?task=approve': 'chef',
  '/jobs/stuck?task=lift': 'The plate broke.',
  '/jobs/runs/log': 'clean',
  '/jobs/runs/log?task=wash&q=clean': 'clean',
  '/waiting': 'approve',
  '/waiting?unit=waits.YXBwcm92ZQ': 'Complete it',
  '/topics': 'The festival',
  '/topics/festival': 'The festival',
  '/limits': 'oven',
  '/definitions': 'approval',
  '/definitions/dinner': 'evening',
} as const;

describeInBrowser('every page', () => {
  test.each(['light', 'dark'] as const)('is shown without a complaint, %s', async (colorScheme) => {
    const { url } = await kitchen();
    const ui = await openUi(url, '/', { colorScheme });
    for (const [path, text] of Object.entries(PAGES)) {
      await ui.go(path);
      await shows(ui, text);
      expect(await brightness(ui)).toBe(colorScheme);
    }
    // One that is not there; the browser complains of the answer.
    ui.allow(/404/);
    await ui.go('/jobs/none');
    await ui.page.getByText('There is no job none.').waitFor();
    await ui.go('/none');
    await ui.page.getByText('There is no page at this address.').waitFor();
  });
});

const PREFIX = '/tools/tintype';

describeInBrowser('below a path', () => {
  test.each([
    ['takes away', ''],
    ['leaves', PREFIX],
  ])('that a proxy %s, pages, files and streams are reached, and all addresses are below it', async (_what, left) => {
    const { url, server, openAll } = await kitchen({ basePath: PREFIX });
    const proxy = await prefixed(url, left);
    // Who signs in by a link is sent on below the path, too, and so is the session.
    await server.tokens.create({ name: 'chef', roles: ['admin'] });
    const ui = await openUi(proxy, '/limits');
    ui.allow(/401/);
    await ui.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await ui.page.goto(new URL(await server.signInPath(), proxy).href);
    await until(() => expect(ui.address()).toBe('/'));
    for (const [path, text] of Object.entries(PAGES)) {
      await ui.go(path);
      await shows(ui, text);
    }
    await ui.go('/');
    await ui.page.getByRole('row', { name: /shift.*runs/ }).click();
    await until(() => expect(ui.address()).toBe('/jobs/runs'));
    openAll();
    await until(async () => expect(await ui.counts()).toEqual({ completed: 2 }));
    await ui.page.getByRole('row', { name: /^bake, completed/ }).click();
    await ui.page.locator('.task-log').getByText('hot').waitFor();
    await ui.page.locator('.task-log .log-line a').first().click();
    await until(() => expect(ui.address()).toBe('/jobs/runs/log?task=bake&attempt=1#L1'));
    await ui.page.locator('.log-line.chosen').getByText('hot').waitFor();
  });
});

/** A proxy that serves a server below the path alone, which it replaces by another. Ends with the test. */
const prefixed = async (target: string, left: string): Promise<string> => {
  const proxy = createServer((incoming, answer) => {
    const { url = '', method, headers } = incoming;
    if (!url.startsWith(`${PREFIX}/`)) return void answer.writeHead(418).end();
    const outgoing = requestOf(`${target}${left}${url.slice(PREFIX.length)}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${PREFIX}`;
};

describeInBrowser('a connection that is cut', () => {
  test('leaves on every page what is shown, and what has happened meanwhile is there when it is back', async () => {
    const { url, openAll, begin } = await kitchen();
    const { url: shown, cut, mend } = await line(url);
    const tab = async (path: string, text: string): Promise<Tab> => {
      const ui = await openUi(shown, path);
      ui.allow(/net::ERR_/);
      await shows(ui, text);
      return { ui, text, requests: countedRequests(ui) };
    };
    const [jobs, filtered, job, task, log, ...others] = await Promise.all([
      tab('/', 'approval'),
      tab('/', 'approval'),
      tab('/jobs/runs', 'bake'),
      tab('/jobs/failed?task=cook/plates[1]', 'The plate broke.'),
      tab('/jobs/runs/log', 'clean'),
      tab('/waiting', 'approve'),
      tab('/topics', 'The festival'),
      tab('/topics/festival', 'The festival'),
      tab('/limits', 'oven'),
      tab('/definitions', 'approval'),
      tab('/definitions/dinner', 'Last jobs'),
      tab('/waiting?unit=waits.YXBwcm92ZQ', 'Complete it'),
    ]);
    cut();
    // A job that is over has no connection to lose.
    const lost = [jobs, filtered, job, log, ...others];
    await Promise.all(lost.map(({ ui }) => ui.page.getByText('Connection lost').waitFor()));

    // What the page has is still at hand; what it has not is asked for with patience.
    await job.ui.page.getByRole('row', { name: 'bake, running' }).click();
    await job.ui.page.getByRole('button', { name: 'Graph', exact: true }).click();
    expect(job.ui.address()).toBe('/jobs/runs?task=bake&view=graph');
    await task.ui.page.getByRole('button', { name: 'Unfold cook' }).click();
    await task.ui.page.getByRole('row', { name: 'plates, failed' }).waitFor();
    await filtered.ui.page.getByRole('button', { name: /^failed/ }).click();
    const first = others[0] as Tab;
    await first.ui.page.getByRole('link', { name: 'Limits' }).click();
    await first.ui.page.getByText('Connection lost').waitFor();
    // Its stream, its rows and the number of those who wait: each once a second.
    const [before, from] = [filtered.requests(), performance.now()];
    await until(() => expect(filtered.requests()).toBeGreaterThan(before + 12));
    expect(performance.now() - from).toBeGreaterThan(2000);

    await Promise.all([jobs, job, task, log, ...others.slice(1)].map(({ ui, text }) => shows(ui, text)));

    openAll();
    begin('later');
    mend();
    await Promise.all(lost.map(({ ui }) => ui.page.getByText('Connection lost').waitFor({ state: 'detached' })));
    await jobs.ui.page.getByRole('row', { name: /shift.*later/ }).waitFor();
    await jobs.ui.page.getByRole('row', { name: /completed.*shift.*runs/ }).waitFor();
    await until(async () => expect(await filtered.ui.page.locator('.job-row:not(.heading)').count()).toBe(1));
    await until(async () => expect(await job.ui.counts()).toEqual({ completed: 2 }));
    await shows(log.ui, 'hot');
    await shows(first.ui, 'oven');
  });
});

type Tab = { readonly ui: UiPage; readonly text: string; readonly requests: () => number };

const shows = (ui: UiPage, text: string): Promise<void> =>
  ui.page.locator('main:not([aria-busy=true])').getByText(text).first().waitFor();

const countedRequests = (ui: UiPage): (() => number) => {
  let count = 0;
  ui.page.on('request', () => {
    count++;
  });
  return () => count;
};

/** Whether the ground of the page is light or dark. */
const brightness = (ui: UiPage): Promise<string> =>
  ui.page.evaluate(() => {
    const [red = 0, green = 0, blue = 0] = getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? [];
    return Number(red) + Number(green) + Number(blue) > 384 ? 'light' : 'dark';
  });
