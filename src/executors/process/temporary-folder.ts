import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDead, type ProcessIdentity, thisProcess } from '../../engine/durable/process-identity.ts';
import { NonRetryableError } from '../../engine/errors/errors.ts';

let directory: string | undefined;

/**
 * Returns this process's temporary folder, which is removed when the process exits. The first call also removes the
 * folders of processes that are dead. @throws NonRetryableError if the folder can't be created
 */
export const temporaryFolder = (): string => {
  directory ??= makeFolder();
  return directory;
};

const makeFolder = (): string => {
  try {
    const made = mkdtempSync(join(tmpdir(), PREFIX));
    writeFileSync(join(made, OWNER), JSON.stringify(thisProcess()), { mode: 0o400 });
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    sweep();
    return made;
  } catch (cause) {
    const message = `The temporary folder ${tmpdir()} can't be written to: ${(cause as Error).message}. Set TMPDIR to one that can.`;
    throw new NonRetryableError(message, { cause });
  }
};

const PREFIX = 'tintype-run-';

/** The file in a folder that says which process made it. */
const OWNER = 'owner.json';

const sweep = (): void => {
  for (const name of foldersOfRuns()) {
    const folder = join(tmpdir(), name);
    try {
      const stat = lstatSync(folder);
      if (!stat.isDirectory() || stat.uid !== process.getuid?.()) continue;
      const owner = JSON.parse(readFileSync(join(folder, OWNER), 'utf8')) as ProcessIdentity;
      if (isDead(owner)) rmSync(folder, { recursive: true, force: true });
    } catch {
      // It is being made or removed.
    }
  }
};

const foldersOfRuns = (): readonly string[] => {
  try {
    return readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX));
  } catch {
    // The temporary folder may be written to, but not read.
    return [];
  }
};
