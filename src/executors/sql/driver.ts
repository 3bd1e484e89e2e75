import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { noRetry } from '../errors.ts';
import { SqlDriverError } from './error.ts';

/**
 * Imports an optional package with `load`, else from the working directory's project. Errors name `database`.
 * @throws NonRetryableError with a SqlDriverError if the package is not installed
 */
export const loadDriver = async <Driver>(
  database: string,
  name: string,
  load: () => Promise<Driver>,
): Promise<Driver> => {
  try {
    return await load();
  } catch (cause) {
    const path = resolved(name, join(process.cwd(), 'package.json'));
    if (path === undefined) throw noRetry(new SqlDriverError(database, name, '', { cause }));
    return (await import(pathToFileURL(path).href)) as Driver;
  }
};

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
