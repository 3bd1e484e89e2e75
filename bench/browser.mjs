import { execSync } from 'node:child_process';
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
const WINDOW = { width: 1440, height: 900 };

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? execSync('command -v chromium').toString().trim(),
    args: FLAGS,
  });

/** A page of its own context, with an empty cache. `foreign`: what it asked of other hosts than that of `url`. */
export const newPage = async (browser, url) => {
  const context = await browser.newContext({ viewport: WINDOW });
  const page = await context.newPage();
  const foreign = [];
  const complaints = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector('canvas[data-painted]') === null) return;
      performance.mark('painted');
      observer.disconnect();
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-painted'] });
  });
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable');
  const metric = async (name) =>
    (await devtools.send('Performance.getMetrics')).metrics.find((one) => one.name === name).value;
  return {
    page,
    foreign,
    complaints,
    /** Total time of the tasks of the main thread, in ms. */
    taskMs: async () => (await metric('TaskDuration')) * 1000,
    /** Bytes that are held. */
    heap: async () => {
      await devtools.send('HeapProfiler.collectGarbage');
      return metric('JSHeapUsedSize');
    },
    elements: () => page.evaluate(() => document.getElementsByTagName('*').length),
    close: () => context.close(),
  };
};

const at = (values, share) => values[Math.min(values.length - 1, Math.floor(values.length * share))];

/** Calls a function of the page, by its text, in each frame of `ms`; returns the times of the frames and of the main thread. */
export const frames = async ({ page, taskMs }, ms, inFrame) => {
  const before = await taskMs();
  const times = await page.evaluate(`(async () => {
    const act = ${inFrame};
    const times = [];
    const begun = performance.now();
    for (let last = begun; last - begun < ${ms}; ) {
      act(last - begun);
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times;
  })()`);
  const mainMs = ((await taskMs()) - before) / times.length;
  times.sort((a, b) => a - b);
  return { p50: at(times, 0.5), p95: at(times, 0.95), mainMs, count: times.length };
};

/** Frames of a page that does nothing: what this machine can do at the moment. */
export const emptyFrames = async (browser) => {
  const blank = await newPage(browser, 'about:blank');
  const measured = await frames(blank, 2_000, () => undefined);
  await blank.close();
  return measured;
};
