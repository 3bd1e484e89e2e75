import { join } from 'node:path';

/** The default of `--db`, the database that stores jobs; relative to the working directory. */
export const DEFAULT_JOURNAL = join('.tintype', 'jobs.db');
