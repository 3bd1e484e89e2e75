import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, openUi, servedUi } from './support.ts';

const PHONE = { width: 390, height: 844 } as const;

describeInBrowser('the web UI on a phone', () => {
  /** Eight tasks in a row, of which the sixth runs until it is cancelled. */
  const started = async () => {
    let begins = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begins = resolve;
    });
    const tasks = Array.from({ length: 8 }, (_, n) => ({
      name: `step-${n}`,
      dependsOn: n === 0 ? [] : [`step-${n - 1}`],
      run: ({ signal }: { readonly signal: AbortSignal }) => {
        if (n !== 5) return undefined;
        begins();
        return new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    }));
    const row = jobFrom('row', tasks);
    const { url, server } = await servedUi({ definitions: [row] });
    const job = server.engine.start(row, {}, { jobId: 'row' });
    await begun;
    await job.saved();
    return { url, job };
  };

  test('begins with what runs, at a size that can be read', async () => {
    const { url } = await started();
    const { page, scene } = await openUi(url, '/jobs/row', PHONE);
    await page.locator('.graph canvas[data-painted]').waitFor();
    const box = (await scene()).boxes.find(({ title }) => title === 'step-5');
    if (box === undefined) throw new Error('step-5 has no box');
    const { x, y, k, width, height } = await page.evaluate(() => {
      const canvas = document.querySelector('.graph canvas') as HTMLCanvasElement & {
        __zoom: { x: number; y: number; k: number };
      };
      const { x, y, k } = canvas.__zoom;
      return { x, y, k, width: canvas.clientWidth, height: canvas.clientHeight };
    });
    expect(12.5 * k).toBeGreaterThanOrEqual(9.5); // names in px
    expect(x + box.x * k).toBeGreaterThanOrEqual(0);
    expect(x + (box.x + box.width) * k).toBeLessThanOrEqual(width);
    expect(y + (box.y + box.height) * k).toBeLessThanOrEqual(height);
  });

  test('asks what it asks within the window', async () => {
    const { url, job } = await started();
    const { page } = await openUi(url, '/jobs/row', PHONE);
    const asks = async (label: string): Promise<void> => {
      await page.getByRole('button', { name: `${label} …`, exact: true }).click();
      const { x, width } = (await page.locator('.question').boundingBox()) ?? { x: -1, width: 0 };
      expect(x, label).toBeGreaterThanOrEqual(0);
      expect(x + width, label).toBeLessThanOrEqual(PHONE.width);
      await page.getByRole('button', { name: 'Not now' }).click();
    };
    await asks('Cancel');
    job.cancel('enough');
    await asks('Retry');
    await asks('Rerun');
  });

  test('keeps commands in reach, however long the message above or beside them is', async () => {
    const { url, server } = await servedUi();
    const bad = jobFrom('bad', [
      { name: 'a', onExhausted: 'pause', run: () => Promise.reject(new Error(`no ${'way '.repeat(500)}`)) },
    ]);
    server.engine.start(bad, {}, { jobId: 'j' });
    const ui = await openUi(url, '/waiting', PHONE);
    const isInReach = async (name: string): Promise<void> => {
      const button = ui.page.locator('main').getByRole('button', { name, exact: true }).last();
      await button.waitFor();
      const { x, y, width, height } = (await button.boundingBox()) ?? { x: -1, y: -1, width: 0, height: 0 };
      expect([x >= 0, y >= 0, x + width <= PHONE.width, y + height <= PHONE.height]).toEqual([true, true, true, true]);
    };
    await isInReach('Try again');
    await ui.go('/jobs/j?task=a');
    await ui.page.getByText('no way way').first().waitFor();
    await isInReach('Resume');
  });

  test('has room for what a task that is paused has failed of', async () => {
    const { url, server } = await servedUi();
    const lift = {
      name: 'lift',
      onExhausted: 'pause',
      run: () => {
        throw new Error('The disk is full: 0 bytes of 512 GB are left on the volume of the backups.');
      },
    } as const;
    void server.engine.start(jobFrom('stuck', [lift]), {}, { jobId: 'j' });
    const { page } = await openUi(url, '/waiting', PHONE);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    const { x, width } = (await page.getByText('The disk is full').boundingBox()) ?? { x: 0, width: Number.NaN };
    expect(x + width).toBeLessThanOrEqual(PHONE.width - 20);
  });
});
