import type { Answer, Call } from './server.ts';

export type ShownUnit = {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly state: string;
  readonly deps: Readonly<Record<string, unknown>>;
  readonly data: unknown;
  readonly leaseEndsAt: number;
};

/** The routes of units, as a client calls them. */
export const unitClient = (call: Call, token?: string) => {
  const claim = async (owner: string, given: object = {}, signal?: AbortSignal): Promise<readonly ShownUnit[]> => {
    const body = { owners: [owner], worker: `a ${owner}`, ...given };
    const answer = await call('POST', '/units/claim', { body, token, ...(signal && { signal }) });
    if (answer.status !== 200) throw new Error(`claim: ${answer.status} ${JSON.stringify(answer.body)}`);
    return (answer.body as { units: ShownUnit[] }).units;
  };
  return {
    claim,
    list: async (query = ''): Promise<readonly ShownUnit[]> =>
      ((await call('GET', `/units?${query}`, { token })).body as { items: ShownUnit[] }).items,
    names: async (query = ''): Promise<readonly string[]> =>
      ((await call('GET', `/units?${query}`, { token })).body as { items: ShownUnit[] }).items.map(({ name }) => name),
    send: (id: string, body: object | readonly object[]): Promise<Answer> =>
      call('POST', `/units/${id}/commands`, { body, token }),
  };
};
