import type { Claim } from './run.ts';

/** What a journal stores of a claim. */
export type ClaimNote = Omit<Claim, 'heartbeatTimer'> & { readonly attempt: number };

/** What a journal stores so that another process can continue an attempt: a fan-out's items, a nested job's input. */
export type ItemsNote = { readonly attempt: number; readonly items: readonly unknown[] };

export type InputNote = { readonly attempt: number; readonly input: object };
