import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { ServiceRecord, ServiceStore } from '../store/service-store.ts';
import type { Principal } from './principal.ts';
import type { ServiceTokens } from './tokens.ts';

/** A browser that has signed in: it sends a cookie instead of the token. Times are in epoch ms. */
export type Session = {
  readonly id: string;
  readonly principal: Principal;
  /** When it ends, unless it is used before. */
  readonly endsAt: number;
};

/**
 * Keeps the sessions of browsers, beside the tokens, so that they outlive the server. A session ends with its token, when
 * it is ended, and after 12 h without a request. Its id is 256 random bits, of which the SHA-256 is kept.
 */
export type Sessions = {
  /** Begins a session of a token that is in force; returns its id with it. Returns undefined if there is no such token. */
  readonly begin: (tokenId: string) => Promise<Session | undefined>;
  /** Returns the session with this id, and puts off its end; undefined if there is none. */
  readonly find: (id: string) => Promise<Session | undefined>;
  /** Whether there is a session with this id; its end stays when it is. */
  readonly isInForce: (id: string) => Promise<boolean>;
  readonly end: (id: string) => Promise<void>;
};

/** How long a session lasts without a request, in ms. */
const SESSION_MS = 12 * 60 * 60 * 1000;

/** How often the end of a session is put off at most, in ms: each time is a write. */
const PUT_OFF_EVERY_MS = 10 * 60 * 1000;

const Kept = z.object({ token: z.string() });

/** `now`: the time in epoch ms. */
export const sessionsIn = (
  store: ServiceStore,
  tokens: Pick<ServiceTokens, 'holderOf'>,
  now: () => number,
): Sessions => {
  const sessionOf = async (id: string, { value, expiresAt = 0 }: ServiceRecord): Promise<Session | undefined> => {
    const holder = await tokens.holderOf(Kept.parse(JSON.parse(value)).token);
    return holder && { id, principal: holder.principal, endsAt: Math.min(expiresAt, holder.expiresAt ?? expiresAt) };
  };
  const recordOf = async (id: string): Promise<ServiceRecord | undefined> => {
    const record = ID.test(id) ? await store.get('session', keyOf(id)) : undefined;
    return record && (record.expiresAt ?? 0) > now() ? record : undefined;
  };
  return {
    begin: async (tokenId) => {
      const id = randomBytes(32).toString('base64url');
      const at = now();
      const value = JSON.stringify({ token: tokenId } satisfies z.infer<typeof Kept>);
      if ((await tokens.holderOf(tokenId)) === undefined) return undefined;
      const record = await store.put({ kind: 'session', key: keyOf(id), value, at, expiresAt: at + SESSION_MS });
      return record && sessionOf(id, record);
    },
    find: async (id) => {
      const at = now();
      const record = await recordOf(id);
      const session = record && (await sessionOf(id, record));
      if (record && session && at - record.updatedAt >= PUT_OFF_EVERY_MS) await putOff(store, record, at);
      return session;
    },
    isInForce: async (id) => {
      const record = await recordOf(id);
      return record !== undefined && (await sessionOf(id, record)) !== undefined;
    },
    end: async (id) => {
      await store.remove('session', keyOf(id));
    },
  };
};

const ID = /^[A-Za-z0-9_-]{43}$/;

const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64url');

/** That the end can't be put off, as on a full disk, is no reason to refuse the request. */
const putOff = async (store: ServiceStore, { kind, key, value, version }: ServiceRecord, at: number): Promise<void> => {
  try {
    await store.put({ kind, key, value, at, expiresAt: at + SESSION_MS, expected: version });
  } catch {}
};
