import * as z from 'zod/mini';
import { finite, problemsOf, required, rule, text, throwIfInvalid } from '../../engine/definition/option-rules.ts';
import { optionProblem } from '../../engine/errors/problem.ts';
import type { ServiceRecord, ServiceStore } from '../store/service-store.ts';
import { type Principal, ROLES, type Role } from './principal.ts';
import { isSecret, newToken, tokenId } from './token.ts';

/** A token as it is shown, without its secret. Times are in epoch ms. */
export type Token = {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The owners whose units a worker may see and do. Default: those of all. */
  readonly owners?: readonly string[] | undefined;
  readonly createdAt: number;
  readonly expiresAt?: number | undefined;
  /** Exact to a minute. */
  readonly lastUsedAt?: number | undefined;
};

export type TokenOptions = {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly owners?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
};

const Kept = z.object({
  name: z.string(),
  roles: z.array(z.enum(ROLES)),
  owners: z.optional(z.array(z.string())),
  createdAt: z.number(),
  expiresAt: z.optional(z.number()),
  lastUsedAt: z.optional(z.number()),
  hash: z.string(),
});

type Kept = z.infer<typeof Kept>;

/** Keeps the tokens of a service. */
export type Tokens = {
  /** Makes a token; the secret is returned here alone. @throws OptionError, JournalError */
  readonly create: (options: TokenOptions) => Promise<{ readonly token: Token; readonly secret: string }>;
  readonly list: () => Promise<readonly Token[]>;
  /** Returns whether there was such a token. */
  readonly revoke: (id: string) => Promise<boolean>;
  /** Whether there is any token, expired ones too. */
  readonly any: () => Promise<boolean>;
  /** Returns who has this secret; undefined if it is none, or has expired. */
  readonly principalOf: (secret: string) => Promise<Principal | undefined>;
};

/** What the service itself also asks. */
export type ServiceTokens = Tokens & {
  /** Whether the token with this id still counts: it is not revoked, and has not expired. */
  readonly isInForce: (id: string) => Promise<boolean>;
  /** Returns who has the token with this id, and when it expires; undefined if it is revoked or has expired. */
  readonly holderOf: (id: string) => Promise<TokenHolder | undefined>;
};

/** `expiresAt`: epoch ms. Default: never. */
export type TokenHolder = { readonly principal: Principal; readonly expiresAt: number | undefined };

/** `now`: the time in epoch ms. */
export const tokensIn = (store: ServiceStore, now: () => number): ServiceTokens => {
  const read = reader(store);
  /** Returns who has a token that has not expired, and notes that it is used. */
  const use = async ({ record, kept }: Read): Promise<TokenHolder | undefined> => {
    const at = now();
    if (kept.expiresAt !== undefined && kept.expiresAt <= at) return undefined;
    if (at - (kept.lastUsedAt ?? 0) >= USED_EVERY_MS) await noteUse(store, record, { ...kept, lastUsedAt: at }, at);
    const principal = { id: record.key, name: kept.name, roles: kept.roles, owners: kept.owners };
    return { principal, expiresAt: kept.expiresAt };
  };
  return {
    create: async (options) => {
      throwIfInvalid('The token', tokenProblems(options, now()));
      const { name, roles, owners, expiresAt } = options;
      const { id, secret, hash } = newToken();
      const kept: Kept = { name, roles: [...roles], owners: owners && [...owners], createdAt: now(), expiresAt, hash };
      await store.put({ kind: 'token', key: id, value: JSON.stringify(kept), at: now() });
      return { token: shown(id, kept), secret };
    },
    list: async () => (await store.list('token')).map((record) => shown(record.key, keptIn(record))),
    revoke: async (id) => store.remove('token', id),
    any: read.any,
    principalOf: async (secret) => {
      const id = tokenId(secret);
      const known = id === undefined ? undefined : await read.token(id);
      return isSecret(secret, known?.kept.hash) && known ? (await use(known))?.principal : undefined;
    },
    holderOf: async (id) => {
      const known = await read.token(id);
      return known && use(known);
    },
    isInForce: async (id) => {
      const kept = (await read.token(id))?.kept;
      return kept !== undefined && (kept.expiresAt ?? Number.POSITIVE_INFINITY) > now();
    },
  };
};

type Read = { readonly record: ServiceRecord; readonly kept: Kept };

/** Reads what each request asks for, and reads it again only after the records have changed. */
const reader = (store: ServiceStore) => {
  type Known = { readonly at: number; readonly tokens: Map<string, Read>; any?: boolean };
  let known: Known = { at: store.changes(), tokens: new Map() };
  const current = (): Known => {
    const at = store.changes();
    if (at !== known.at) known = { at, tokens: new Map() };
    return known;
  };
  return {
    any: async (): Promise<boolean> => {
      const known = current();
      known.any ??= (await store.list('token', { limit: 1 })).length > 0;
      return known.any;
    },
    token: async (id: string): Promise<Read | undefined> => {
      const { tokens } = current();
      const cached = tokens.get(id);
      if (cached) return cached;
      const record = await store.get('token', id);
      const read = record && { record, kept: keptIn(record) };
      // Ids of which there is none are not kept: a client could make up as many as it likes.
      if (read) tokens.set(id, read);
      return read;
    },
  };
};

const tokenProblems = (options: TokenOptions, now: number) => {
  const problems = problemsOf(options, RULES, { subject: 'The token' });
  if (problems.length > 0) return problems;
  const { roles, owners, expiresAt } = options;
  if (owners !== undefined && !roles.includes('worker'))
    problems.push(optionProblem('owners', 'The token has owners, which bind the role worker, but not that role.'));
  if (expiresAt !== undefined && expiresAt <= now)
    problems.push(optionProblem('expiresAt', 'The token would have expired already: name a time to come.'));
  return problems;
};

const listOf = (what: string, isOne: (value: unknown) => boolean) =>
  rule(`a list of ${what}, one at least`, (value) => Array.isArray(value) && value.length > 0 && value.every(isOne));

const RULES = {
  name: required(text('a name')),
  roles: required(listOf(ROLES.join(', '), (value) => ROLES.includes(value as Role))),
  owners: listOf('owners', (value) => typeof value === 'string' && value !== ''),
  expiresAt: finite,
};

/** How often the last use of a token is written at most, in ms. */
const USED_EVERY_MS = 60_000;

/** A use that can't be noted, as on a full disk, is no reason to refuse the request. */
const noteUse = async (store: ServiceStore, { key, version }: ServiceRecord, kept: Kept, at: number): Promise<void> => {
  try {
    await store.put({ kind: 'token', key, value: JSON.stringify(kept), at, expected: version });
  } catch {}
};

const keptIn = ({ value }: ServiceRecord): Kept => Kept.parse(JSON.parse(value));

const shown = (id: string, { hash: _, ...token }: Kept): Token => ({ id, ...token });
