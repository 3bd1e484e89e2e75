import { join } from 'node:path';

/** Where jobs are kept unless `--db` says otherwise, from the working directory. */
export const DEFAULT_JOURNAL = join('.tintype', 'jobs.db');
