import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** A file as it was: what the system says of it, times in epoch ms, and the hash of its content. */
export type FileState = readonly [path: string, size: number, changedAt: number, writtenAt: number, hash: string];

/** Files as they were at a time, in epoch ms, sorted by their paths. */
export type FileStates = { readonly at: number; readonly files: readonly FileState[] };

export const NO_FILES: FileStates = { at: 0, files: [] };

/** What globs match now. `wasRead`: whether files had to be read. `unmatched`: the globs that match no file. */
export type MatchedFiles = FileStates & { readonly wasRead: boolean; readonly unmatched: readonly string[] };

/**
 * Returns the files that globs match, in and below `folder`, with the hashes of their contents. A file that is as the
 * system knew it before has the hash that it had. A glob that begins with `!` leaves out files; the name of a folder
 * stands for all files in it. @throws if a file can't be read, or `isWanted` returns false meanwhile
 */
export const matchFiles = async (
  globs: readonly string[],
  folder: string,
  before: FileStates,
  isWanted: () => boolean,
): Promise<MatchedFiles> => {
  if (globs.length === 0) return { at: before.at, files: [], wasRead: false, unmatched: [] };
  const at = Date.now();
  const { glob } = await import('tinyglobby');
  const ignore = globs.filter((one) => one.startsWith('!')).map((one) => one.slice(1));
  const paths = new Set<string>();
  const unmatched: string[] = [];
  for (const one of globs) {
    if (one.startsWith('!')) continue;
    const found = await glob(one, { cwd: folder, ignore });
    if (found.length === 0) unmatched.push(one);
    for (const path of found) paths.add(path);
  }
  const known = new Map(before.files.map((file) => [file[0], file]));
  const states: FileState[] = [];
  let wasRead = false;
  const stateOf = async (path: string): Promise<void> => {
    const file = resolve(folder, path);
    const stats = await stat(file).catch(unlessGone);
    if (!stats?.isFile()) return;
    const { size, ctimeMs, mtimeMs } = stats;
    const was = known.get(path);
    // A file that was written just before it was looked at may have been written again without a later time.
    const isSame =
      was?.[1] === size && was[2] === ctimeMs && was[3] === mtimeMs && ctimeMs < before.at - SMALLEST_STEP_MS;
    if (!isSame) wasRead = true;
    states.push([path, size, ctimeMs, mtimeMs, isSame ? was[4] : await hashOf(file, size, isWanted)]);
  };
  const waiting = [...paths];
  const work = async (): Promise<void> => {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (!isWanted()) throw new Error('The job is stopping.');
      await stateOf(path);
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
  return { at, files: states.sort(([a], [b]) => (a < b ? -1 : 1)), wasRead, unmatched };
};

/** Says of each file that differs what became of it. */
export const fileDifferences = (before: FileStates, now: FileStates): readonly string[] => {
  const was = new Map(before.files.map(([path, , , , hash]) => [path, hash]));
  const changed = now.files.flatMap(([path, , , , hash]) => {
    const known = was.get(path);
    was.delete(path);
    return known === undefined ? [`${path} is new`] : known === hash ? [] : [`${path} has changed`];
  });
  return [...changed, ...[...was.keys()].map((path) => `${path} is gone`)];
};

const FILES_AT_ONCE = 8;

/** The longest time, in ms, between two times that a file system tells apart: 2 s on FAT. */
const SMALLEST_STEP_MS = 2_000;

/** Up to this size, in bytes, a file is read in one piece. */
const ONE_PIECE = 2 ** 20;

const hashOf = async (file: string, size: number, isWanted: () => boolean): Promise<string> => {
  const hash = createHash('sha256');
  if (size <= ONE_PIECE) return hash.update(await readFile(file)).digest('base64');
  for await (const piece of createReadStream(file, { highWaterMark: ONE_PIECE })) {
    if (!isWanted()) throw new Error('The job is stopping.');
    hash.update(piece as Buffer);
  }
  return hash.digest('base64');
};

const unlessGone = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error;
};
