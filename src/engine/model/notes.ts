import type { RedactedParts } from '../durable/redaction.ts';
import type { Claim } from './run.ts';

/** What a journal stores of a claim. */
export type ClaimNote = Omit<Claim, 'heartbeatTimer'> & { readonly attempt: number };

/** What a journal stores so that another process can continue an attempt: a fan-out's items, a nested job's input. */
export type ItemsNote = ChildNote & { readonly items?: readonly unknown[] };

export type InputNote = ChildNote & { readonly input?: object };

/** `redacted`: what the definition's `redact` left out. `digest`: in place of what is too large, its SHA-256. */
type ChildNote = { readonly attempt: number; readonly redacted?: RedactedParts; readonly digest?: string };
