import type { KeptLine } from '../../events/event.ts';

/** What a journal stores of the last lines of an attempt before it ends. `omitted`: how many are missing before them. */
export type LogsNote = { readonly attempt: number; readonly omitted: number; readonly last: readonly KeptLine[] };
