// Takes pictures of all pages of the web UI, with jobs that really ran: npm run pictures [-- FOLDER [NAME …]]
// The two of the README are made anew if FOLDER is docs/images.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { emptyServer, servedJobs } from './pictures/served.mjs';
import { README_SHOTS, SHOTS } from './pictures/shots.mjs';

const [folder = mkdtempSync(join(tmpdir(), 'tintype-pictures-')), ...names] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const isForReadme = /(^|\/)docs\/images\/?$/.test(folder);
const shots = (isForReadme ? README_SHOTS : SHOTS).filter(
  ({ name }) => names.length === 0 || names.some((one) => name.includes(one)),
);

const executablePath = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      return '';
    }
  })
  .find((path) => path !== '');
if (executablePath === undefined) throw new Error('There is no Chromium: install it first.');

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const servers = {
  jobs: await servedJobs(),
  empty: await emptyServer(),
  closed: await emptyServer({ needsToken: true }),
};
const complaints = [];

const take = async ({ name, path = '/', server = 'jobs', size = [1440, 900], act, type = 'png' }, theme) => {
  const [width, height] = size;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: 'en-GB',
    timezoneId: 'UTC',
    hasTouch: width < 500,
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.stack}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/40[134] \(|ERR_INTERNET_DISCONNECTED/.test(message.text()))
      complaints.push(`${name}: ${message.text()}`);
  });
  await page.addInitScript((now) => {
    Date.now = () => now;
  }, servers.jobs.now);
  await page.goto(servers[server].url + path);
  await page.waitForSelector('main:not([aria-busy="true"])');
  await settle(page);
  await act?.(page, servers[server]);
  await settle(page);
  const file = join(folder, names.length === 0 && isForReadme ? `${name}.${type}` : `${name}-${theme}.${type}`);
  await page.screenshot({
    path: file,
    type,
    ...(type === 'jpeg' ? { quality: 80 } : {}),
    animations: 'disabled',
    caret: 'hide',
  });
  await context.close();
  console.log(`${file} ${Math.round(statSync(file).size / 1024)} KB`);
};

/** Waits until the page has drawn what it has, and asked for what it lacks. */
const settle = async (page) => {
  await page.waitForTimeout(350);
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        let last = '';
        let calm = 0;
        const look = () => {
          const now = document.body.innerText;
          calm = now === last && document.querySelector('[aria-busy="true"]') === null ? calm + 1 : 0;
          last = now;
          if (calm > 8) resolve();
          else requestAnimationFrame(look);
        };
        setTimeout(resolve, 4_000);
        look();
      }),
  );
};

try {
  for (const shot of shots) {
    for (const theme of shot.themes ?? ['light', 'dark']) {
      try {
        await take(shot, theme);
      } catch (error) {
        complaints.push(`${shot.name}: ${error.message}`);
      }
    }
  }
} finally {
  await browser.close();
  for (const { remove } of Object.values(servers)) remove?.();
}
if (complaints.length > 0) {
  console.error(complaints.join('\n'));
}
// The time of the servers stands still: they would wait for their tasks for ever.
process.exit(complaints.length > 0 ? 1 : 0);
