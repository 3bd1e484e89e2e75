import type { Claim } from './run.ts';

/** What a journal keeps of a claim. */
export type ClaimNote = Omit<Claim, 'heartbeatTimer'> & { readonly attempt: number };

/** What a journal keeps of an attempt, so that it can go on in another process: its items, or its input. */
export type ItemsNote = { readonly attempt: number; readonly items: readonly unknown[] };

export type InputNote = { readonly attempt: number; readonly input: object };
