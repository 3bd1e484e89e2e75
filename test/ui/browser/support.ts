/* The web UI in a real Chromium, against a real server. `build.ts` builds it, `servedUi` serves it in this process and
 * `servingUi` by `tintype serve`; `openUi` opens an address in a fresh tab, which is to complain of nothing. `gates` hold
 * tasks, `line` is a connection that can be cut. */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, vi } from 'vitest';
import { type Client, createClient } from '../../../src/client/client.ts';
import type { Journal } from '../../../src/engine/durable/journal.ts';
import type { JobEvent, TaskState } from '../../../src/events/event.ts';
import { memoryJournal } from '../../../src/journal/memory-journal.ts';
import { createServerWith, type Server } from '../../../src/server/create-server.ts';
import type { ServerOptions } from '../../../src/server/service/server-options.ts';
import { type Programs, programs } from '../../service/programs.ts';
import { chromium } from '../../support/chromium.ts';
import { builtUi } from './build.ts';

const required = process.env.TINTYPE_TEST_BROWSER === 'required';

let browser: Promise<Browser> | undefined;

/** Tests that need a browser; skipped where there is none, unless TINTYPE_TEST_BROWSER=required. */
export const describeInBrowser = (name: string, tests: () => void): void => {
  describe.skipIf(!chromium && !required)(`${name} (skipped where there is no Chromium)`, () => {
    beforeAll(async () => {
      builtUi();
      browser = playwright.launch({
        executablePath: execFileSync('sh', ['-c', `command -v ${chromium}`], { encoding: 'utf8' }).trim(),
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-dev-shm-usage',
          '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        ],
      });
      await browser;
    }, 120_000);
    afterAll(async () => {
      await (await browser)?.close();
      browser = undefined;
    });
    tests();
  });
};

export type ServedUi = {
  readonly url: string;
  readonly server: Server;
  readonly journal: Journal;
  readonly client: Client;
};

/** Serves the web UI by a server of this process, which is closed after the test. The journal is in memory by default. */
export const servedUi = async (options: Partial<ServerOptions> = {}): Promise<ServedUi> => {
  const journal = options.journal ?? memoryJournal();
  const server = createServerWith({ ...options, journal }, builtUi());
  onTestFinished(() => server.close({ graceMs: 0 }));
  await server.ready;
  const { url } = await server.listen({ port: 0 });
  return { url, server, journal, client: createClient({ url: url + (options.basePath ?? '') }) };
};

/** Programs for the tests of a file, of which `serve` serves the web UI, too. */
export const servingUi = (): Programs => {
  const own = programs();
  // Where a server that is bundled looks for it.
  beforeAll(() => cpSync(builtUi(), join(own.file('tintype'), '../../../ui'), { recursive: true }), 120_000);
  return own;
};

/** What the canvas of the graph shows, in px at a scale of 1. `tasks` and `cells` are paths. */
export type SeenScene = {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly SeenBox[];
  /** Positions in `boxes`. */
  readonly edges: readonly { readonly from: number; readonly to: number }[];
};

export type SeenBox = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Position of the unfolded box around; -1 if there is none. */
  readonly parent: number;
  readonly key: string;
  readonly kind: string;
  readonly title: string;
  readonly isUnfolded: boolean;
  readonly tasks: readonly string[];
  readonly cells: readonly string[];
};

/** Every task that is not removed, at one moment. */
export type SeenStates = {
  /** That of the last event which is in the states. */
  readonly seq: number;
  readonly states: Readonly<Record<string, TaskState>>;
  /** Of the tasks without others inside. */
  readonly counts: Readonly<Record<string, number>>;
};

export type UiPage = {
  readonly page: Page;
  /** Goes to an address, such as `/jobs/j`. */
  readonly go: (path: string) => Promise<void>;
  /** What stands behind the address of the server, with what the browser has encoded as it is read. */
  readonly address: () => string;
  /** Says that complaints like this one are to come, such as those of requests that are cut. */
  readonly allow: (pattern: RegExp) => void;
  /** Waits until the graph that is painted has the event with this `seq`. */
  readonly painted: (seq: number) => Promise<void>;
  readonly scene: () => Promise<SeenScene>;
  readonly states: () => Promise<SeenStates>;
  /** The counts of states as the page writes them; states without tasks are left out. */
  readonly counts: () => Promise<Readonly<Record<string, number>>>;
};

export type OpenOptions = BrowserContextOptions & {
  /** Of the window, in px. Default 1440 by 900. */
  readonly width?: number;
  readonly height?: number;
};

/**
 * Opens an address in a browser of its own, closed after the test. The test fails if the page has complained, broken a
 * policy or asked another host.
 */
export const openUi = async (url: string, path = '/', options: OpenOptions = {}): Promise<UiPage> => {
  const { width = 1440, height = 900, ...rest } = options;
  const context = await (await (browser as Promise<Browser>)).newContext({ viewport: { width, height }, ...rest });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  // What breaks the policy is an error of the console.
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  const allowed: RegExp[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => void complaints.push(error.stack ?? error.message));
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(`${url}/`) && !/^(data|blob):/.test(asked)) elsewhere.push(asked);
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints.filter((one) => !allowed.some((pattern) => pattern.test(one)))).toEqual([]);
    expect(elsewhere).toEqual([]);
  });
  await page.goto(url + path);
  return {
    page,
    go: async (to) => void (await page.goto(url + to)),
    address: () => decodeURIComponent(page.url().slice(url.length)),
    allow: (pattern) => void allowed.push(pattern),
    painted: async (seq) =>
      void (await page.waitForFunction(
        (wanted) => Number(document.querySelector<HTMLElement>('.graph canvas')?.dataset.painted ?? -2) >= wanted,
        seq,
      )),
    scene: () => page.evaluate(readScene),
    states: () => page.evaluate(readStates),
    counts: () =>
      page.evaluate(() =>
        Object.fromEntries(
          [...document.querySelectorAll('.state-switch')].map((one) => {
            const count = Number(one.querySelector('b')?.textContent?.replaceAll(/\D/g, ''));
            return [[...one.childNodes].find(({ nodeType }) => nodeType === 3)?.textContent ?? '', count] as const;
          }),
        ),
      ),
  };
};

/* What the canvas of the graph has for tests. The functions that read it run in the page, and know nothing of this file. */
type Painted = {
  readonly scene: {
    readonly width: number;
    readonly height: number;
    readonly boxes: readonly (Omit<SeenBox, 'key' | 'kind' | 'title' | 'isUnfolded' | 'tasks' | 'cells'> & {
      readonly box: {
        readonly key: string;
        readonly kind: string;
        readonly title: string;
        readonly tasks: readonly number[];
        readonly cells: readonly number[];
        readonly inner?: object;
      };
    })[];
    readonly edges: SeenScene['edges'];
  };
  readonly model: {
    readonly seq: number;
    readonly size: number;
    readonly isRemoved: (index: number) => boolean;
    readonly path: (index: number) => string;
    readonly state: (index: number) => TaskState;
    readonly tally: { readonly counts: (index: number) => Readonly<Record<string, number>> };
  };
};

const readScene = (): SeenScene => {
  const { scene, model } = document.querySelector('.graph canvas') as unknown as Painted;
  const pathOf = (index: number): string => model.path(index);
  return {
    width: scene.width,
    height: scene.height,
    edges: scene.edges.map(({ from, to }) => ({ from, to })),
    boxes: scene.boxes.map(({ x, y, width, height, parent, box }) => ({
      ...{ x, y, width, height, parent, key: box.key, kind: box.kind, title: box.title },
      isUnfolded: box.inner !== undefined,
      tasks: box.tasks.map(pathOf),
      cells: box.cells.map(pathOf),
    })),
  };
};

const readStates = (): SeenStates => {
  const { model } = document.querySelector('.graph canvas') as unknown as Painted;
  const states: Record<string, TaskState> = {};
  for (let index = 0; index < model.size; index += 1)
    if (!model.isRemoved(index)) states[model.path(index)] = model.state(index);
  const counts = Object.fromEntries(Object.entries(model.tally.counts(-1)).filter(([, count]) => count > 0));
  return { seq: model.seq, states, counts };
};

/** All events of a job, as the API has them. */
export const eventsOf = async (client: Client, jobId: string): Promise<readonly JobEvent[]> => {
  const events: JobEvent[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client.jobs.eventPage(jobId, { limit: 500, ...(cursor && { cursor }) });
    events.push(...(page.items as unknown as readonly JobEvent[]));
    cursor = page.nextCursor;
  }
  return events;
};

/** The states of tasks after the event with this `seq`; those without an event are left out. */
export const statesAfter = (
  events: readonly JobEvent[],
  seq = Number.POSITIVE_INFINITY,
): Readonly<Record<string, TaskState>> => {
  const states: Record<string, TaskState> = {};
  for (const event of events) {
    if (event.seq > seq) break;
    if (event.type === 'task.transition') states[event.task] = event.to;
    else if (event.type === 'task.added') states[event.task] = 'unscheduled';
    else if (event.type === 'task.removed') delete states[event.task];
  }
  return states;
};

/** Leaves out what no event has told of yet. */
export const started = (states: SeenStates['states']): SeenStates['states'] =>
  Object.fromEntries(Object.entries(states).filter(([, state]) => state !== 'unscheduled'));

/** Waits until a check no longer throws. */
export const until = <Value>(check: () => Value | Promise<Value>): Promise<Value> =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });

export type Gates = {
  /** What a task waits for: resolves when its gate is opened, now or later. */
  readonly pass: (name: string) => Promise<void>;
  readonly open: (...names: readonly string[]) => void;
  /** Opens all gates, those that nobody has come to as well. */
  readonly openAll: () => void;
};

/** Gates that the test opens, and that are open when it ends. */
export const gates = (): Gates => {
  const open = new Set<string>();
  const waiting = new Map<string, (() => void)[]>();
  let areAllOpen = false;
  const letThrough = (name: string): void => {
    for (const go of waiting.get(name) ?? []) go();
    waiting.delete(name);
  };
  const openAll = (): void => {
    areAllOpen = true;
    for (const name of [...waiting.keys()]) letThrough(name);
  };
  onTestFinished(openAll);
  return {
    pass: (name) =>
      areAllOpen || open.has(name)
        ? Promise.resolve()
        : new Promise((resolve) => waiting.set(name, [...(waiting.get(name) ?? []), resolve])),
    open: (...names) => {
      for (const name of names) {
        open.add(name);
        letThrough(name);
      }
    },
    openAll,
  };
};

export type Line = {
  readonly url: string;
  /** Breaks all connections, and takes no other until `mend`. */
  readonly cut: () => void;
  readonly mend: () => void;
};

/** A connection to a server that can be cut; ends with the test. */
export const line = async (target: string): Promise<Line> => {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  const proxy = createServer((incoming) => {
    if (isCut) return void incoming.destroy();
    const outgoing = connect(Number(port), hostname);
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      const end = (): void => {
        for (const one of [incoming, outgoing]) {
          sockets.delete(one);
          one.destroy();
        }
      };
      socket.on('error', end).on('close', end);
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    cut();
  });
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      isCut = false;
    },
  };
};
