import { spawn } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

type Message = { readonly id?: number; readonly method?: string; readonly result?: unknown; readonly params?: unknown };

/** What TypeScript's language service shows of a program that stands in the folder `test-d`. */
export type Shown = {
  /** What an editor shows over each word that is marked by `/*?*\/` before it, by that word: types, then text. */
  readonly hovers: ReadonlyMap<string, string>;
  /** The messages of the errors, in the order of their lines. */
  readonly errors: readonly string[];
};

/** Asks TypeScript's language service, over the Language Server Protocol, about a program. */
export const shownBy = async (program: string): Promise<Shown> => {
  const server = startServer();
  const uri = pathToFileURL(`${root}test-d/program.ts`).href;
  await server.ask('initialize', {
    processId: process.pid,
    rootUri: pathToFileURL(root).href,
    capabilities: { textDocument: { hover: { contentFormat: ['plaintext'] }, diagnostic: {} } },
  });
  server.tell('initialized', {});
  server.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'typescript', version: 1, text: program } });
  const hovers = new Map<string, string>();
  for (const [line, text] of program.split('\n').entries()) {
    for (const { index, 0: mark, 1: word } of text.matchAll(/\/\*\?\*\/(\w+)/g)) {
      const character = index + mark.length - 1;
      const hover = await server.ask('textDocument/hover', { textDocument: { uri }, position: { line, character } });
      const { contents } = hover as { readonly contents: { readonly value: string } };
      hovers.set(word as string, contents.value.trim());
    }
  }
  const report = await server.ask('textDocument/diagnostic', { textDocument: { uri } });
  const { items } = report as { readonly items: readonly { readonly message: string; readonly severity: number }[] };
  await server.ask('shutdown');
  server.tell('exit');
  return { hovers, errors: items.filter(({ severity }) => severity === 1).map(({ message }) => message) };
};

const startServer = () => {
  const server = spawn(process.execPath, [tsc, '--lsp', '--stdio'], { cwd: root, stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map<number, (result: unknown) => void>();
  const send = (message: Message): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const receive = ({ id, method, result, params }: Message): void => {
    if (id === undefined) return;
    if (method === undefined) waiting.get(id)?.(result);
    else send({ id, result: (params as { readonly items?: readonly unknown[] })?.items?.map(() => null) ?? null });
  };
  let unread = Buffer.alloc(0);
  server.stdout.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const start = unread.indexOf('\r\n\r\n') + 4;
      const end = start + Number(/Content-Length: (\d+)/i.exec(unread.subarray(0, start).toString())?.[1]);
      if (start < 4 || unread.length < end) return;
      const message = JSON.parse(unread.subarray(start, end).toString());
      unread = unread.subarray(end);
      receive(message);
    }
  });
  let asked = 0;
  return {
    tell: (method: string, params?: unknown): void => send({ method, params }),
    ask: (method: string, params?: unknown): Promise<unknown> =>
      new Promise((resolve) => {
        waiting.set(++asked, resolve);
        send({ id: asked, method, params });
      }),
  };
};
