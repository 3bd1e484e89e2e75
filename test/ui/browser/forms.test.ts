import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeInBrowser, openUi, servedUi, until } from './support.ts';

const COMMAND = 'tasks: [{ name: a, type: bash, command: "true" }]';

describeInBrowser('the form that starts a job', () => {
  test('is answered by Enter in a field, and not shown for what can’t be started', async () => {
    const workflows = mkdtempSync(join(tmpdir(), 'tintype-forms-'));
    writeFileSync(join(workflows, 'good.yaml'), `name: good\nparams: { who: { type: string } }\n${COMMAND}`);
    writeFileSync(join(workflows, 'bad.yaml'), 'name: bad\ntasks: [{ name: a, type: nope }]');
    const { url, client } = await servedUi({ workflows });
    const ui = await openUi(url, '/definitions/good');
    const field = ui.page.locator('.start input:not([type=checkbox])');
    await field.press('Enter');
    await ui.page.getByText('This is required').waitFor();
    await ui.page.getByLabel('an empty text').check();
    await ui.page.getByLabel('an empty text').uncheck();
    await field.fill('ann');
    await field.press('Enter');
    await until(() => expect(ui.address()).toMatch(/^\/jobs\//));
    expect((await client.jobs.get(ui.address().slice('/jobs/'.length))).input).toEqual({ params: { who: 'ann' } });

    await ui.go('/definitions/bad');
    await ui.page.locator('.start .primary').waitFor();
    expect(await ui.page.locator('.start input, .start textarea').count()).toBe(0);
  });
});
