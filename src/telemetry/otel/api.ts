import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as OpenTelemetry from '@opentelemetry/api';

const PACKAGE = '@opentelemetry/api';

/** Loads the package, from tintype or the working directory's project. @throws Error if it is missing */
const load = (): typeof OpenTelemetry => {
  let cause: unknown;
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from)(PACKAGE) as typeof OpenTelemetry;
    } catch (error) {
      cause ??= error;
    }
  }
  throw new Error(
    `tintype/otel needs the package ${PACKAGE}, which can't be loaded. Install it: npm install ${PACKAGE}`,
    {
      cause,
    },
  );
};

/**
 * OpenTelemetry's API, an optional peer: an import of this file without it says what to install. All copies of the
 * package in a process share what is registered.
 */
export const api = load();
