// Times a newcomer's way after the install: from `npx tintype serve --demo --open` to a graph that lives: npm run newcomer
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const MOST_MS = 5_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const executablePath = execFileSync(
  'sh',
  ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'],
  {
    encoding: 'utf8',
  },
).trim();

// A browser that is open already, and what opens an address in it: it prints the address here.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
const folder = mkdtempSync(join(tmpdir(), 'tintype-newcomer-'));
const opened = join(folder, 'opened');
for (const opener of ['xdg-open', 'open'])
  writeFileSync(join(folder, opener), `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o755 });

/** Goes the way once; resolves to its steps and when each was done, in ms. */
const go = async () => {
  const begin = performance.now();
  const steps = [];
  const step = (text) => steps.push([text, Math.round(performance.now() - begin)]);

  const server = spawn('npx', ['tintype', 'serve', '--demo', '--open', '--port', '0'], {
    cwd: root,
    env: { ...process.env, PATH: folder + delimiter + process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  try {
    const link = await new Promise((resolve, reject) => {
      let text = '';
      server.stdout.on('data', (chunk) => {
        text += chunk;
        const [, url] = /: (http\S+)\n/.exec(text) ?? [];
        if (url !== undefined) resolve(url);
      });
      server.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${text}`)));
    });
    step('the browser is opened');
    await page.goto(link);
    await page.locator('.job-row a').first().waitFor();
    step('jobs are listed');
    await page.locator('.job-row a', { hasText: 'daily-sales' }).first().click();
    const canvas = page.locator('.graph canvas[data-painted]');
    await canvas.waitFor();
    step('the graph of one is painted');
    const first = await canvas.getAttribute('data-painted');
    await page.waitForFunction((seq) => document.querySelector('.graph canvas')?.dataset.painted !== seq, first);
    step('it has changed');
  } finally {
    process.kill(-server.pid, 'SIGINT');
  }
  return steps;
};

// Other work on the machine only makes it longer: the shortest of three counts.
let best;
for (let run = 0; run < 3; run += 1) {
  const steps = await go();
  if (best === undefined || steps.at(-1)[1] < best.at(-1)[1]) best = steps;
  if (best.at(-1)[1] <= MOST_MS) break;
}
await browser.close();
rmSync(folder, { recursive: true, force: true });
for (const [text, ms] of best) console.log(`${String(ms).padStart(6)} ms  ${text}`);
const [, total] = best.at(-1);
if (total > MOST_MS) {
  console.error(`That is more than ${MOST_MS} ms.`);
  process.exitCode = 1;
}
