import { DEFAULT_JOURNAL } from './default-journal.ts';
import type { Printer } from './printer.ts';

/** How an interrupted job goes on. */
export const resumeHint = (job: string, db: string, { style, foreign }: Printer): string => {
  const command = `tintype resume ${quoted(job)}${db === DEFAULT_JOURNAL ? '' : ` --db ${quoted(db)}`}`;
  return `An interrupted job goes on with: ${style('bold', foreign(command))}`;
};

/** As a shell reads it back. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
