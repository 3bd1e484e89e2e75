import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { noRetry } from '../errors.ts';
import { SqlDriverError } from './error.ts';

/**
 * Imports an optional package by `load`, which imports it and catches by `otherwise`: from the working directory's
 * project. Bundlers leave out a package that is not installed only if its own `import()` has a `catch`.
 * @throws NonRetryableError with a SqlDriverError, which names `database`, if the package is not installed
 */
export const loadDriver = <Driver>(
  database: string,
  name: string,
  load: (otherwise: (cause: unknown) => Promise<Driver>) => Promise<Driver>,
): Promise<Driver> =>
  load(async (cause) => {
    const path = resolved(name, join(process.cwd(), 'package.json'));
    if (path === undefined) throw noRetry(new SqlDriverError(database, name, '', { cause }));
    return (await import(pathToFileURL(path).href)) as Driver;
  });

/** Returns the URL of an optional package, for another process to import; `undefined` if it is not installed. */
export const driverUrl = (name: string): string | undefined => {
  const path = resolved(name, import.meta.url) ?? resolved(name, join(process.cwd(), 'package.json'));
  return path === undefined ? undefined : pathToFileURL(path).href;
};

const resolved = (name: string, from: string): string | undefined => {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
};
