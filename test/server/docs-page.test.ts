import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chromium, newPage } from '../support/chromium.ts';
import { testServer } from '../support/server.ts';

/** Serves an app on a port of this machine. */
const served = async (fetch: (request: Request) => Response | Promise<Response>): Promise<string> => {
  const server = createHttpServer(getRequestListener(fetch)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const required = process.env.TINTYPE_TEST_BROWSER === 'required';

describe.skipIf(!chromium && !required)('/docs in a browser (skipped where there is no Chromium)', () => {
  test.each([
    ['at the root', ''],
    ['mounted under a path', '/tools/tintype'],
  ])('%s shows all operations without another host, and breaks no policy', async (_where, base) => {
    const { server } = await testServer();
    onTestFinished(() => server.close());
    const app = new Hono();
    app.mount(base || '/', server.fetch);
    const url = await served(app.fetch);
    const page = await newPage();
    await page.open(`${url}${base}/docs`);
    await page.until('document.querySelectorAll(\'[data-section-id^="tag/"]\').length > 20');
    await page.until("document.querySelector('[role=search] input') !== null");
    const text = await page.evaluate('document.body.innerText');
    expect(text).toContain('Starts a job of a definition or a document');
    expect(text).toContain('Needs the role operator');
    const picture = await page.screenshot();
    if (process.env.TINTYPE_PICTURES)
      writeFileSync(`${process.env.TINTYPE_PICTURES}/docs${base.replaceAll('/', '-')}.png`, picture);
    expect(page.complaints).toEqual([]);
    const elsewhere = page.requests.filter((one) => !one.startsWith(`${url}${base}/`) && !/^(data|blob):/.test(one));
    expect(elsewhere).toEqual([]);
  });
});
