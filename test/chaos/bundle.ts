import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** Bundles the sources as they are now, and the programs of the crash tests; resolves to the folder of what scripts/bundle-chaos.mjs writes. */
export const bundleChaos = async (): Promise<string> => {
  const folder = join(root, 'node_modules/.cache', `tintype-chaos-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  await promisify(execFile)(process.execPath, [join(root, 'scripts/bundle-chaos.mjs'), folder]);
  return folder;
};
