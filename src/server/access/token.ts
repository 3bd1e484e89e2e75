/* Who may ask the service for what: `principal.ts` says what roles allow, `token.ts` makes and checks a token,
 * `tokens.ts` keeps them. Browsers have `sessions.ts` of a token, and sign in by it or by `sign-in-codes.ts`. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A token is `tt_<id>_<secret>`: 8 characters that name it and 43 of base64url, 32 random bytes. Its SHA-256 is kept, not
 * the secret. A slow hash would add nothing for random secrets, and would let anybody keep the server busy.
 */
export type NewToken = { readonly id: string; readonly secret: string; readonly hash: string };

export const newToken = (): NewToken => {
  const id = idOf(randomBytes(8));
  const secret = `tt_${id}_${randomBytes(32).toString('base64url')}`;
  return { id, secret, hash: hashOf(secret) };
};

const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';

const idOf = (bytes: Uint8Array): string => [...bytes].map((byte) => LETTERS[byte % LETTERS.length]).join('');

/** Returns the id in a token; undefined if the text is no token. */
export const tokenId = (text: string): string | undefined => TOKEN.exec(text)?.[1];

const TOKEN = /^tt_([a-z2-9]{8})_[A-Za-z0-9_-]{43}$/;

export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Compares in a time that does not tell how much is right. An unknown token is compared with a hash of nothing. */
export const isSecret = (secret: string, hash: string = NO_HASH): boolean =>
  timingSafeEqual(Buffer.from(hashOf(secret), 'hex'), Buffer.from(hash, 'hex'));

const NO_HASH = '0'.repeat(64);

/** Returns text with the secrets of tokens masked. */
export const withoutSecrets = (text: string): string => text.replace(/tt_([a-z2-9]{8})_[A-Za-z0-9_-]{43}/g, 'tt_$1_…');
