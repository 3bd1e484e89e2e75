import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Job } from '../../../src/engine/job.ts';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, gates, openUi, servedUi, until } from './support.ts';

/** What the page has asked to be done, such as `pause {"task":"a"}`. Dry runs do nothing. */
const commandsOf = (page: Page): readonly string[] => {
  const commands: string[] = [];
  page.on('request', (request) => {
    const body = request.postData() ?? '';
    if (request.method() === 'POST' && !body.includes('"dryRun":true'))
      commands.push(`${new URL(request.url()).pathname.split('/').at(-1)} ${body}`);
  });
  return commands;
};

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();

const pressRefused = async (page: Page, name: string): Promise<void> => {
  const button = page.locator('[aria-disabled=true]').and(page.getByRole('button', { name, exact: true }));
  await button.click({ force: true });
};

/** The contrast of the label of a button, from 1 to 21. */
const readability = (page: Page, name: string): Promise<number> =>
  page.getByRole('button', { name, exact: true }).evaluate((button) => {
    const { color, backgroundColor } = getComputedStyle(button);
    const [dark, bright] = [color, backgroundColor]
      .map((one) => {
        const [red = 0, green = 0, blue = 0] = (one.match(/[\d.]+/g) ?? []).map((part) => {
          const share = Number(part) / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      })
      .sort((one, other) => one - other) as [number, number];
    return (bright + 0.05) / (dark + 0.05);
  });

const alerted = (page: Page, text: RegExp): Promise<void> =>
  page.getByRole('alert').filter({ hasText: text }).waitFor();

const jobState = (page: Page, state: string): Promise<void> => page.locator('.pill', { hasText: state }).waitFor();

const stateOf = (job: Pick<Job, 'explain'>, task: string): string | undefined => job.explain(task)[0]?.state;

const fails = (): never => {
  throw new Error('no');
};

describeInBrowser('commands', () => {
  test('pause, resume, and cancel a job: what runs is aborted, or may end', async () => {
    const { pass, open } = gates();
    const work = jobFrom('work', [
      { name: 'a', run: () => pass('a') },
      { name: 'b', dependsOn: ['a'], run: () => ({}) },
    ]);
    const { url, server } = await servedUi();
    const aborted = server.engine.start(work, {}, { jobId: 'aborted' });
    const drained = server.engine.start(work, {}, { jobId: 'drained' });
    const { page, go } = await openUi(url, '/jobs/aborted');
    const commands = commandsOf(page);
    await press(page, 'Pause');
    await jobState(page, 'paused');
    await press(page, 'Resume');
    await jobState(page, 'running');
    await press(page, 'Pause');
    await jobState(page, 'paused');
    await press(page, 'Resume');
    await jobState(page, 'running');
    await press(page, 'Cancel …');
    const question = page.getByRole('group', { name: 'Cancel' });
    expect(await question.innerText()).toMatch(/1 task that wait.*Abort 1 task that run/s);
    expect(commands).toHaveLength(4);
    await press(page, 'Cancel the job');
    await jobState(page, 'cancelled');
    expect(stateOf(aborted, 'a')).toBe('cancelled');

    await go('/jobs/drained');
    await press(page, 'Cancel …');
    await page.getByLabel('Let them end').check();
    await press(page, 'Cancel the job');
    await until(() =>
      expect(drained.explain('b')).toMatchObject([{ reasons: [{ text: expect.stringMatching(/ending/) }] }]),
    );
    open('a');
    await jobState(page, 'cancelled');
    expect(stateOf(drained, 'a')).toBe('completed');
    expect(commands.slice(4)).toEqual(['cancel {"mode":"abort"}', 'cancel {"mode":"drain"}']);
  });

  test('retry what did not complete, rerun from a task, complete and fail work from outside', async () => {
    let isBroken = true;
    const work = jobFrom('work', [
      { name: 'ask', kind: 'external', owner: 'ann' },
      { name: 'load', dependsOn: ['ask'], run: () => (isBroken ? fails() : {}) },
      { name: 'check', kind: 'external', owner: 'ann', dependsOn: ['load'] },
    ]);
    const { url, server } = await servedUi({ definitions: [work] });
    const job = server.engine.start(work, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j?task=ask');
    const { page } = ui;
    const commands = commandsOf(page);
    await page.getByLabel('Output').fill('{"guests":3}');
    await press(page, 'Complete');
    await jobState(page, 'failed');
    expect(await job.output('ask' as never)).toEqual({ guests: 3 });

    isBroken = false;
    await press(page, 'Retry …');
    await press(page, 'Retry');
    await jobState(page, 'running');
    await ui.go('/jobs/j?task=check');
    await press(page, 'Fail …');
    await press(page, 'Let it fail');
    await alerted(page, /Say why/);
    await page.getByLabel('Why').fill('It tastes of nothing');
    await page.keyboard.press('Enter');
    await jobState(page, 'failed');
    await page.getByText('It tastes of nothing').first().waitFor();

    await press(page, 'Rerun from here …');
    await press(page, 'Rerun 1 task');
    await page.waitForURL((to) => to.pathname !== '/jobs/j');
    await jobState(page, 'running');
    expect(commands.map((one) => one.split(' ')[0])).toEqual(['commands', 'retry', 'commands', 'rerun']);
    expect(commands[3]).toBe('rerun {"from":["check"]}');
    expect((await ui.states()).states).toEqual({ ask: 'completed', load: 'completed', check: 'ready' });
  });

  test('refused ones say why, in the words of the server if it refuses', async () => {
    const { pass } = gates();
    const work = jobFrom('work', [
      { name: 'long', run: () => pass('long') },
      { name: 'ask', kind: 'external', dependsOn: ['long'] },
      { name: 'guests', kind: 'external', output: z.object({ even: z.number().refine((n) => n % 2 === 0) }) },
    ]);
    const { url, server } = await servedUi();
    server.engine.start(work, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j?task=ask');
    const { page } = ui;
    const commands = commandsOf(page);
    await pressRefused(page, 'Rerun from here …');
    await alerted(page, /A rerun is a new job, and can begin when this one is over/);
    await ui.go('/jobs/j?task=ask');
    await pressRefused(page, 'Complete');
    await alerted(page, /It is waiting: there is nothing to complete/);
    expect(await readability(page, 'Complete')).toBeGreaterThan(4.5);
    expect(commands).toEqual([]);

    ui.allow(/422/);
    await ui.go('/jobs/j?task=guests');
    await page.getByLabel('even').fill('3');
    await press(page, 'Complete');
    await alerted(page, /is not what its schema asks for: even/);
    await page.getByLabel('even').fill('4');
    await press(page, 'Complete');
    await page.locator('.inspector .state-name', { hasText: 'completed' }).waitFor();
    // What is done is not asked for any more, and while the job runs nobody knows what decided its end.
    expect(await page.getByLabel('even').count()).toBe(0);
    expect(await page.getByText('slack').count()).toBe(0);
  });

  test('who works on what somebody else has done meanwhile is told so', async () => {
    const work = jobFrom('work', [
      { name: 'ask', kind: 'external' },
      { name: 'guests', kind: 'external' },
    ]);
    const { url, server } = await servedUi();
    const job = server.engine.start(work, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/waiting');
    await press(page, 'ask');
    await page.getByLabel('Output').fill('{"guests":3}');
    job.task('ask').complete({});
    await page.getByRole('status').filter({ hasText: 'What was open here is done' }).waitFor();
    await press(page, 'guests');
    await page.getByLabel('Output').waitFor();
    expect(await page.getByText('What was open here').count()).toBe(0);
  });

  test('a double click is one command', async () => {
    const { pass } = gates();
    const work = jobFrom('work', [
      { name: 'bad', continueOnFailure: true, run: fails },
      { name: 'long', run: () => pass('long') },
    ]);
    const { url, server } = await servedUi({ definitions: [work] });
    server.engine.start(work, {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j');
    const commands = commandsOf(page);
    const twice = (name: string) => page.getByRole('button', { name, exact: true }).dblclick();
    await twice('Pause');
    await jobState(page, 'paused');
    await twice('Resume');
    await jobState(page, 'running');
    await twice('Cancel …');
    await twice('Cancel the job');
    await jobState(page, 'cancelled');
    await twice('Rerun …');
    await twice('Rerun all');
    await page.waitForURL((to) => to.pathname !== '/jobs/j');
    await jobState(page, 'running');
    expect(commands.map((one) => one.split(' ')[0])).toEqual(['pause', 'resume', 'cancel', 'rerun']);
    expect(await server.engine.find('j')).toBeDefined();
  });

  test('a question that is open is never answered by another command that took its place', async () => {
    const { pass } = gates();
    const { url, server } = await servedUi();
    const job = server.engine.start(jobFrom('work', [{ name: 'long', run: () => pass('long') }]), {}, { jobId: 'j' });
    const { page } = await openUi(url, '/jobs/j');
    const commands = commandsOf(page);
    await press(page, 'Cancel …');
    await page.getByRole('group', { name: 'Cancel' }).waitFor();
    job.cancel('by somebody else');
    await page.getByRole('button', { name: 'Rerun …', exact: true }).waitFor();
    expect(await page.locator('.question').count()).toBe(0);
    expect(commands).toEqual([]);
  });

  test('a viewer who has signed in sees them disabled, and a press says why', async () => {
    const { pass } = gates();
    const work = jobFrom('work', [
      { name: 'long', run: () => pass('long') },
      { name: 'ask', kind: 'external' },
    ]);
    const { url, server } = await servedUi({ definitions: [work] });
    server.engine.start(work, {}, { jobId: 'j' });
    const { secret } = await server.tokens.create({ name: 'Vera', roles: ['viewer'] });
    const ui = await openUi(url, '/jobs/j?task=ask');
    ui.allow(/401/);
    const { page } = ui;
    await page.getByLabel('Token').fill('wrong');
    await press(page, 'Sign in');
    await alerted(page, /none that this server knows/);
    await page.getByLabel('Token').fill(secret);
    await press(page, 'Sign in');
    await jobState(page, 'running');
    const commands = commandsOf(page);
    await page.getByRole('button', { name: 'Complete', exact: true }).waitFor();
    for (const name of ['Pause', 'Cancel …', 'Rerun from here …', 'Complete', 'Claim', 'Fail …']) {
      for (const button of await page.getByRole('button', { name, exact: true }).all()) {
        expect(await button.getAttribute('title'), name).toMatch(/needs the role (operator|worker); you have viewer/);
        expect(await button.getAttribute('aria-disabled')).toBe('true');
        await button.click({ force: true });
        await button.locator('xpath=following-sibling::p[@role="alert"][1]').waitFor();
      }
    }
    expect(commands).toEqual([]);
  });
});
