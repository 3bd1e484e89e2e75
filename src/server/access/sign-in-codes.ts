import { createHash, randomBytes } from 'node:crypto';
import type { Tokens } from './tokens.ts';

/** Makes codes with which a browser signs in, each once and within a minute. They end with the process. */
export type SignInCodes = {
  /** Makes a code, and a token that its session is bound to: of an admin, for 12 h. @throws JournalError */
  readonly create: () => Promise<string>;
  /** Returns the id of the token of a code, which no longer counts then; undefined if it does not count. */
  readonly use: (code: string) => string | undefined;
};

/** How long a code counts, in ms. */
const CODE_MS = 60_000;

const TOKEN_MS = 12 * 60 * 60 * 1000;

/** What the tokens of codes are called in lists. */
const NAME = 'sign-in link';

/** `now`: the time in epoch ms. */
export const signInCodes = (tokens: Tokens, now: () => number): SignInCodes => {
  /** By the hash of the code, so that how long a look-up takes tells nothing of others. */
  const codes = new Map<string, { readonly token: string; readonly endsAt: number }>();
  return {
    create: async () => {
      const at = now();
      for (const [key, { endsAt }] of codes) if (endsAt <= at) codes.delete(key);
      for (const { id, name, expiresAt = at + 1 } of await tokens.list())
        if (name === NAME && expiresAt <= at) await tokens.revoke(id);
      const { token } = await tokens.create({ name: NAME, roles: ['admin'], expiresAt: at + TOKEN_MS });
      const code = randomBytes(32).toString('base64url');
      codes.set(keyOf(code), { token: token.id, endsAt: at + CODE_MS });
      return code;
    },
    use: (code) => {
      const key = keyOf(code);
      const known = codes.get(key);
      codes.delete(key);
      return known && known.endsAt > now() ? known.token : undefined;
    },
  };
};

const keyOf = (code: string): string => createHash('sha256').update(code).digest('base64url');
