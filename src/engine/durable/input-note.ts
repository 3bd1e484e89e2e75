import { createHash } from 'node:crypto';
import { isA, SerialisationError } from '../errors/errors.ts';
import { type Redact, redactedParts } from './redaction.ts';
import { encode } from './serialise.ts';

/**
 * Returns the note of an attempt's items or input. If they are too large, it has their digest: a resume computes them
 * again. Returns undefined if they can't be encoded: a resume then starts a new attempt.
 */
export const inputNote = (
  { kind, attempt, value }: { readonly kind: 'items' | 'input'; readonly attempt: number; readonly value: object },
  redact: Redact,
  encodeNote: (note: object) => string,
): string | undefined => {
  const kept = redact(value);
  const note = { attempt, [kind]: kept };
  try {
    const text = encodeNote(note);
    // What can be encoded has no circular references.
    const redacted = redactedParts(value, kept);
    return redacted ? encodeNote({ ...note, redacted }) : text;
  } catch (error) {
    if (!isA(error, SerialisationError)) throw error;
    if (error.code !== 'OUTPUT_TOO_LARGE') return undefined;
    const digest = digestOf(kept);
    return digest === undefined ? undefined : JSON.stringify({ attempt, digest });
  }
};

/** Returns the SHA-256 of a value's JSON; undefined if that is longer than any text can be. */
export const digestOf = (value: unknown): string | undefined => {
  try {
    return createHash('sha256').update(encode(value)).digest('hex');
  } catch {
    return undefined;
  }
};
