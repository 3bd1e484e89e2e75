import type { RedactedParts } from '../durable/redaction.ts';
import type { Claim } from './run.ts';

/** What a journal stores of a claim. */
export type ClaimNote = Pick<Claim, 'token' | 'attempt'> & {
  readonly worker?: string;
  /** In place of `worker` in notes of earlier versions. */
  readonly owner?: string;
  /** Absent if the claim lasts without a heartbeat. */
  readonly leaseMs?: number | null;
};

/** What a journal stores so that another process can continue an attempt: a fan-out's items, a nested job's input. */
export type ItemsNote = ChildNote & { readonly items?: readonly unknown[] };

export type InputNote = ChildNote & { readonly input?: object };

/** `redacted`: what the definition's `redact` left out. `digest`: in place of what is too large, its SHA-256. */
type ChildNote = { readonly attempt: number; readonly redacted?: RedactedParts; readonly digest?: string };
