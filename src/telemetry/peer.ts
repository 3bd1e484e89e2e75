import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TintypeError } from '../engine/errors/errors.ts';

/** An entry point needs an optional package that is not installed. `cause` is the error of Node.js. */
export class PeerMissingError extends TintypeError {
  override readonly name = 'PeerMissingError';
  readonly code = 'PEER_MISSING';
  /** The name of the package to install. */
  readonly peer: string;

  constructor(door: string, peer: string, options?: ErrorOptions) {
    super(`${door} needs the package ${peer}, which can't be loaded. Install it: npm install ${peer}`, options);
    this.peer = peer;
  }
}

/** Loads an optional CommonJS package, from tintype or the working directory's project. @throws PeerMissingError */
export const requirePeer = <Peer>(door: string, peer: string): Peer => {
  const { require, path } = located(door, peer);
  return require(path) as Peer;
};

/**
 * Imports an optional ES module by `load`, which imports it and catches by `otherwise`: from the working directory's
 * project. Bundlers leave out a package that is not installed only if its own `import()` has a `catch`.
 * @throws PeerMissingError
 */
export const importPeer = <Peer>(
  door: string,
  peer: string,
  load: (otherwise: () => Promise<Peer>) => Promise<Peer>,
): Promise<Peer> => load(async () => (await import(pathToFileURL(located(door, peer).path).href)) as Peer);

/** Returns where an optional package is, and a `require` for what it depends on. @throws PeerMissingError */
const located = (door: string, peer: string): { readonly require: NodeJS.Require; readonly path: string } => {
  let cause: unknown;
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const path = createRequire(from).resolve(peer);
      return { path, require: createRequire(path) };
    } catch (error) {
      cause ??= error;
    }
  }
  throw new PeerMissingError(door, peer, { cause });
};

/** Loads what an optional package depends on, such as `ws` of `@statelyai/inspect`. @throws PeerMissingError */
export const requireOfPeer = <Module>(door: string, peer: string, module: string): Module =>
  located(door, peer).require(module) as Module;
