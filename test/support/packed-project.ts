import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/**
 * Creates a project in a temporary folder that has tintype as it will be published, except for the command line, with its
 * dependencies, without optional peers. `others`: further packages for the project. Resolves to the folder.
 */
export const packedProject = async (others: readonly string[] = []): Promise<string> => {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'tintype-project-')));
  const target = join(project, 'node_modules/tintype');
  mkdirSync(target, { recursive: true });
  cpSync(join(root, 'package.json'), join(target, 'package.json'));
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...others]) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules', name)), link);
  }
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(target, 'dist')];
  await promisify(execFile)(process.execPath, args);
  return project;
};
