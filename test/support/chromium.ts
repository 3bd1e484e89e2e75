import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';

/** The Chromium of this machine; undefined if there is none. */
export const chromium: string | undefined = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};

export type Page = {
  /** Opens a page and resolves once it has loaded. */
  readonly open: (url: string) => Promise<void>;
  /** Evaluates an expression in the page until it is true. @throws Error after 30 s */
  readonly until: (expression: string) => Promise<void>;
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** The picture of the page as PNG. */
  readonly screenshot: () => Promise<Buffer>;
  /** Warnings, errors and violations of policies that the console has shown. */
  readonly complaints: readonly string[];
  /** What was asked of servers. */
  readonly requests: readonly string[];
};

/**
 * A page of a real browser that knows no name but that of this machine. Speaks the DevTools protocol over a pipe, so that
 * no package is needed.
 */
export const newPage = async (): Promise<Page> => {
  const profile = mkdtempSync(join(tmpdir(), 'tintype-chromium-'));
  const child = spawn(chromium as string, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(async () => {
    // The processes that it started write to the folder, too.
    process.kill(-(child.pid as number), 'SIGKILL');
    await over;
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
  });
  const complaints: string[] = [];
  const requests: string[] = [];
  const listeners = new Map<string, (params: never) => void>([
    [
      'Log.entryAdded',
      ({ entry }: { entry: { level: string; text: string } }) => {
        if (entry.level !== 'info' && entry.level !== 'verbose') complaints.push(entry.text);
      },
    ],
    [
      'Runtime.consoleAPICalled',
      ({ type, args }: { type: string; args: { value?: unknown; description?: string }[] }) => {
        if (type === 'error' || type === 'warning')
          complaints.push(args.map((one) => one.value ?? one.description).join(' '));
      },
    ],
    [
      'Runtime.exceptionThrown',
      ({ exceptionDetails }: { exceptionDetails: { text: string } }) => {
        complaints.push(exceptionDetails.text);
      },
    ],
    [
      'Network.requestWillBeSent',
      ({ request }: { request: { url: string } }) => {
        requests.push(request.url);
      },
    ],
  ] as [string, (params: never) => void][]);
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const send = connection(input, output, ({ method = '', params }) => listeners.get(method)?.(params as never));
  const { targetId } = (await send('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
  const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
  const ask = (method: string, params: object = {}): Promise<unknown> => send(method, params, sessionId);
  for (const domain of ['Page', 'Log', 'Runtime', 'Network']) await ask(`${domain}.enable`);
  const evaluate = async (expression: string): Promise<unknown> =>
    (
      (await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })) as {
        result: { value: unknown };
      }
    ).result.value;
  return {
    complaints,
    requests,
    evaluate,
    open: async (url) => {
      const loaded = new Promise<void>((resolve) => listeners.set('Page.loadEventFired', () => resolve()));
      await ask('Page.navigate', { url });
      await loaded;
    },
    until: async (expression) => {
      const wait = `new Promise((resolve, reject) => {
        const end = setTimeout(() => reject(new Error('too late')), 30000);
        const look = () => (${expression}) ? resolve(clearTimeout(end)) : requestAnimationFrame(look);
        look();
      }).then(() => 'yes', String)`;
      if ((await evaluate(wait)) !== 'yes') throw new Error(`The page never had ${expression}.`);
    },
    screenshot: async () =>
      Buffer.from(((await ask('Page.captureScreenshot', { format: 'png' })) as { data: string }).data, 'base64'),
  };
};

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--window-size=1280,900',
  '--remote-debugging-pipe',
];

type Send = (method: string, params?: object, sessionId?: string) => Promise<unknown>;

/** Sends and receives messages, each of which ends with a NUL. */
const connection = (input: Writable, output: Readable, onEvent: (message: Message) => void): Send => {
  const waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >();
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const [...messages] = (text + chunk).split('\0');
    text = messages.pop() ?? '';
    for (const message of messages.map((one) => JSON.parse(one) as Message)) {
      const asked = message.id === undefined ? undefined : waiting.get(message.id);
      if (!asked) onEvent(message);
      else if (message.error) asked.reject(new Error(message.error.message));
      else asked.resolve(message.result);
    }
  });
  let last = 0;
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
};
