import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { programs } from '../service/programs.ts';

const { file } = programs();
const root = join(import.meta.dirname, '../..');

/** Starts what `npm run ui` does. */
const uiDev = (): {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly ended: Promise<number | null>;
} => {
  const child = spawn(process.execPath, [join(root, 'scripts/ui-dev.mjs')], {
    env: { ...process.env, TINTYPE_CLI: file('tintype') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
    });
  // So that the server ends with it.
  onTestFinished(() => void child.kill());
  return { child, text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
};

test('npm run ui shows the demo by Vite, in front of a server that ends with it', async () => {
  const { child, text, ended } = uiDev();
  const waiting = { timeout: 30_000, interval: 50 };
  const url = await vi.waitFor(() => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: Vite writes in colours
    const [, found] = /Local: +(http\S+)\//.exec(text().replace(/\u001b\[\d+m/g, '')) ?? [];
    if (found === undefined) throw new Error(`No address of Vite: ${text()}`);
    return found;
  }, waiting);
  const page = await (await fetch(`${url}/jobs/some-job`, { headers: { accept: 'text/html' } })).text();
  expect(page).toContain('/@vite/client');
  const [, script = ''] = /src="(\/src\/main\.tsx[^"]*)"/.exec(page) ?? [];
  expect(await (await fetch(url + script)).text()).toContain('createRoot');

  type Jobs = { readonly items: readonly { readonly id: string; readonly state: string }[] };
  const job = await vi.waitFor(async () => {
    const { items } = (await (await fetch(`${url}/api/v1/jobs?from=0&size=50`)).json()) as Jobs;
    return items.find(({ state }) => state === 'running') ?? Promise.reject(new Error('No job runs.'));
  }, waiting);
  // A command comes from the page's origin, which is not that of the server.
  const paused = await fetch(`${url}/api/v1/jobs/${job.id}/pause`, { method: 'POST', headers: { origin: url } });
  expect([paused.status, await paused.text()]).toMatchObject([200, expect.stringContaining(job.id)]);

  const [, server = '', db = ''] = /Serving (http\S+), jobs in (\S+)\.\n/.exec(text()) ?? [];
  expect([(await fetch(`${server}/readyz`)).status, existsSync(db)]).toEqual([200, true]);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  await expect(fetch(`${server}/readyz`)).rejects.toThrow();
  expect(existsSync(dirname(db))).toBe(false);
}, 60_000);
