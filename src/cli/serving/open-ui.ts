import { spawn } from 'node:child_process';
import type { Server } from '../../server/create-server.ts';
import type { CliIo } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';

/**
 * Opens a browser at the web UI; if the server needs a token, by a link that signs in once. Prints the link, too, for
 * machines without a browser.
 */
export const openUi = async (
  server: Server,
  { url, basePath }: { readonly url: string; readonly basePath: string },
  io: CliIo,
  out: Printer,
  err: Printer,
): Promise<void> => {
  const needsToken = await server.tokens.any();
  const link = reachable(url) + (needsToken ? await server.signInPath() : `${basePath.replace(/\/$/, '')}/`);
  out.line(`${needsToken ? 'This link signs a browser in as an admin, once, within a minute' : 'The web UI'}: ${link}`);
  out.flush();
  if (await openBrowser(link, io.env)) return;
  err.line('No browser can be opened here: open the link in one of yours.');
  err.flush();
};

/** A server that listens on all addresses is asked by the loopback's. */
const reachable = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

/** Resolves to whether the program that opens browsers has started and has not failed at once. */
const openBrowser = (link: string, env: CliIo['env']): Promise<boolean> =>
  new Promise((resolve) => {
    const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
    const child = spawn(program as string, [...args, link], { stdio: 'ignore', detached: true, env: { ...env } });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    // A browser that it starts itself may run as long as it likes.
    setTimeout(() => resolve(true), FAILS_WITHIN_MS).unref();
    child.unref();
  });

const FAILS_WITHIN_MS = 3_000;

/** The program that opens an address, without a shell. Default: `xdg-open`. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
