/* The web UI, as the server hands it out. `ui-files.ts` reads what the build wrote into `dist/ui`, `ui-pages.ts` answers
 * requests with it. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** A file of the UI, as it is and compressed. */
export type UiFile = {
  readonly type: string;
  /** Whether the name changes with the content, so that whoever has the file need never ask again. */
  readonly isHashed: boolean;
  /** Of the content, without quotes. */
  readonly etag: string;
  readonly bodies: Readonly<Record<Encoding, Uint8Array<ArrayBuffer> | undefined>> & {
    readonly identity: Uint8Array<ArrayBuffer>;
  };
};

export type Encoding = 'identity' | 'gzip' | 'br';

/** The files by their paths, such as `/assets/index-1a2b3c4d.js`. */
export type UiFiles = ReadonlyMap<string, UiFile>;

/** The page that shows all addresses of the UI. */
export const INDEX = '/index.html';

/**
 * Reads all files of a folder, once: no later request reaches the file system. `basePath` is written into the page.
 * Returns undefined if the folder has no page.
 */
export const uiFilesIn = (folder: string, basePath: string): UiFiles | undefined => {
  if (!existsSync(join(folder, INDEX))) return undefined;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => TYPES[extname(name)] !== undefined)
    .map((name) => `/${name.split(sep).join('/')}`);
  return new Map(
    files.map((path) => [path, path === INDEX ? pageIn(folder, basePath) : fileIn(folder, path)] as const),
  );
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

const fileIn = (folder: string, path: string): UiFile => {
  const compressed = (ending: string) => {
    const file = join(folder, `${path}${ending}`);
    return existsSync(file) ? readFileSync(file) : undefined;
  };
  return fileOf(path, { identity: readFileSync(join(folder, path)), gzip: compressed('.gz'), br: compressed('.br') });
};

/** The page is another one below each path, and so is compressed here. */
const pageIn = (folder: string, basePath: string): UiFile => {
  const identity = Buffer.from(belowPath(readFileSync(join(folder, INDEX), 'utf8'), basePath));
  return fileOf(INDEX, { identity, gzip: gzipSync(identity), br: brotliCompressSync(identity) });
};

const fileOf = (path: string, bodies: UiFile['bodies']): UiFile => ({
  type: TYPES[extname(path)] as string,
  isHashed: HASHED.test(path),
  etag: createHash('sha256').update(bodies.identity).digest('base64url').slice(0, 16),
  bodies,
});

/** As the build names files: `assets/name-hash.js`. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;

/**
 * Writes the path below which the UI is reached into its page: before the links to files, and as `base-path`, from which
 * the program makes addresses. Links relative to the page would break at `/jobs/{id}`.
 */
const belowPath = (page: string, basePath: string): string =>
  page
    .replace(/ (src|href)="\.?\/(?!\/)/g, (_, attribute) => ` ${attribute}="${basePath}/`)
    .replace('</head>', `<meta name="base-path" content="${basePath}"></head>`);

/** Where the build writes the UI: beside the built server, or, for a server that runs from its source, in `dist`. A bundle has neither. */
export const builtUi = (): string | undefined => {
  // In a bundle of CommonJS it is undefined.
  const here: string | undefined = import.meta.url;
  const places = ['../../ui/', '../../../dist/ui/'];
  return here === undefined
    ? undefined
    : places.map((place) => fileURLToPath(new URL(place, here))).find((folder) => existsSync(join(folder, INDEX)));
};
