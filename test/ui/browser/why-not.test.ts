import { expect, test } from 'vitest';
import type { AnyTaskSpec } from '../../../src/engine/definition/task-spec.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, gates, openUi, servedUi, type UiPage, until } from './support.ts';

const HOUR_MS = 3_600_000;

const fails = (): never => {
  throw new Error('no');
};

/** Tasks that wait for each reason that there is; `pass` holds those that run. */
const work = (pass: (name: string) => Promise<void>): readonly AnyTaskSpec[] => [
  { name: 'approve', kind: 'external', owner: 'boss' },
  ...Array.from({ length: 10 }, (_, at) => ({
    name: `step${at}`,
    dependsOn: [at === 0 ? 'approve' : `step${at - 1}`],
    run: () => ({}),
  })),
  { name: 'holder', pool: 'own', run: () => pass('holder') },
  { name: 'second', pool: 'own', priority: -1, run: () => ({}) },
  { name: 'third', pool: 'shared', run: () => ({}) },
  { name: 'narrow', kind: 'map', over: [1, 2], concurrency: 1, each: () => pass('narrow') },
  { name: 'slow', kind: 'map', over: [1, 2], rateLimit: { limit: 1, periodMs: HOUR_MS }, each: () => ({}) },
  { name: 'flaky', maxRetries: 1, retry: { delayMs: HOUR_MS }, run: fails },
  { name: 'file', kind: 'sensor', interval: HOUR_MS, check: () => false },
  { name: 'exhausted', maxRetries: 0, onExhausted: 'pause', run: fails },
  { name: 'held', kind: 'job', definition: jobFrom('held', [{ name: 'inner', kind: 'external' }]) },
  {
    name: 'later',
    kind: 'job',
    dependsOn: ['approve'],
    definition: jobFrom('later', [{ name: 'inner', run: () => ({}) }]),
  },
  { name: 'never', kind: 'job', when: () => false, definition: jobFrom('never', [{ name: 'inner', run: fails }]) },
  { name: 'unmet', dependsOn: ['never'], run: () => ({}) },
  {
    name: 'broken',
    kind: 'job',
    continueOnFailure: true,
    definition: jobFrom('broken', [
      { name: 'first', run: fails },
      { name: 'then', dependsOn: ['first'], run: () => ({}) },
      { name: 'beside', kind: 'external' },
    ]),
  },
];

type Opened = {
  readonly ui: UiPage;
  /** What the inspector says of a task, once it fits. */
  readonly expectWhy: (task: string, text: RegExp, links?: readonly string[]) => Promise<void>;
};

const opened = async (): Promise<Opened> => {
  const { pass } = gates();
  const { url, server } = await servedUi({ pools: { shared: 1 } });
  const other = jobFrom('other', [{ name: 'taker', pool: 'shared', run: () => pass('taker') }]);
  server.engine.start(other, {}, { jobId: 'k' });
  const job = server.engine.start(jobFrom('work', work(pass), { pools: { own: 1 } }), {}, { jobId: 'j' });
  await until(() => {
    expect(job.explain('flaky')).toMatchObject([{ state: 'retrying' }]);
    expect(job.explain('broken')).toMatchObject([{ state: 'failed' }]);
  });
  job.task('held').pause('ann');
  const ui = await openUi(url, '/jobs/j');
  return {
    ui,
    expectWhy: async (task, text, links = []) => {
      await ui.go(`/jobs/j?task=${encodeURIComponent(task)}`);
      const why = ui.page.locator('.why');
      await until(async () => expect((await why.innerText()).replaceAll(/\s+/g, ' ')).toMatch(text));
      const hrefs = await why.locator('a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
      const tasks = await why.locator('.task-link .cut').allInnerTexts();
      expect([...tasks, ...hrefs]).toEqual(links);
    },
  };
};

const UNIT = '/waiting?unit=j.YXBwcm92ZQ';

describeInBrowser('why a task is not running', () => {
  test('is said by each kind of reason, with what can be done about it one click away', async () => {
    const { ui, expectWhy } = await opened();
    await expectWhy('step0', /It waits for this task: .*approve: waits to be claimed/, ['approve']);
    await expectWhy('second', /Pool "own" of the job "work" is full: 1\/1 held by holder\./, ['holder', '/limits']);
    await expectWhy('third', /Pool "shared" of the engine is full/, ['/limits', '/jobs/k?task=taker']);
    await expectWhy('narrow[1]', /concurrency of the task "narrow" is full/, ['narrow[0]', '/limits']);
    await expectWhy('slow[1]', /rate of the task "slow" is used up.* In 59 m/, ['/limits']);
    await expectWhy('flaky', /Tries again at .*, as attempt 2, because .*: no\. In 59 m/);
    await expectWhy('file', /Looks again at .*, as look 2: not yet\. In 59 m/);
    await expectWhy('exhausted', /Waits for a person to retry it: its retries are used up/);
    await expectWhy('held/inner', /Held: is held by ann|Held: .*paused by ann/, [
      'held',
      '/waiting?unit=j.aGVsZC9pbm5lcg',
    ]);
    await expectWhy('approve', /Waits to be claimed or completed from outside/, [UNIT]);
    await expectWhy('later/inner', /The task around it has not begun/, ['later', 'approve']);
    await expectWhy('broken/then', /Was never scheduled: the job is failed/, ['broken']);
    await expectWhy('broken/beside', /Another task has failed/, ['broken']);
    await expectWhy('never', /Its condition did not hold/);
    await expectWhy('unmet', /What it needs was skipped/, ['never']);

    await ui.go('/jobs/j?task=third');
    await ui.page.getByRole('link', { name: 'taker (job k)' }).click();
    await ui.page.getByRole('heading', { name: 'taker' }).waitFor();
    expect(ui.address()).toBe('/jobs/k?task=taker');
  });

  test('goes to the root of a chain of ten, which a click selects', async () => {
    const { ui, expectWhy } = await opened();
    await expectWhy(
      'step9',
      /It waits for this task: .*In the end it is this one that holds it up: .*approve: waits to be claimed/,
      ['step8', 'approve'],
    );
    await ui.page.locator('.why').getByRole('button', { name: 'approve' }).click();
    await ui.page.locator('.why').getByRole('link').click();
    await ui.page.getByRole('button', { name: 'approve', expanded: true }).waitFor();
    expect(ui.address()).toBe(UNIT);
  });
});
