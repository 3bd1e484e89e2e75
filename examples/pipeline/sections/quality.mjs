import { table } from '../lib/markdown.mjs';
import { integer } from '../lib/numbers.mjs';

/** What became of the rows of each data set; `quality` maps its name to the counts of its cleaning. */
export const qualitySection = (quality) => [
  '## What was read, dropped and repaired',
  table(
    Object.entries(quality).map(([name, { read, kept, dropped, repaired = {} }]) => ({
      Data: name,
      'Rows read': integer(read),
      Kept: integer(kept),
      Dropped: integer(read - kept),
      Why: reasons(dropped),
      Repaired: reasons(repaired),
    })),
  ),
];

const reasons = (counts) =>
  Object.entries(counts)
    .filter(([, rows]) => rows > 0)
    .map(([reason, rows]) => `${integer(rows)} ${reason}`)
    .join(', ');
