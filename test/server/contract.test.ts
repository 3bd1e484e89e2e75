import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apiDocument, operationsOf } from '../support/contract/api-document.ts';
import { faultsBy } from '../support/contract/faults-of.ts';
import { requestsOf } from '../support/contract/requests-of.ts';
import { type Stocked, stockedServer } from '../support/contract/stocked-server.ts';
import { testServer } from '../support/server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

/** Requests a route: 300 by `npm run test:contract`. */
const REQUESTS = Number(process.env.TINTYPE_CONTRACT_REQUESTS ?? 20);
const SEED = Number(process.env.TINTYPE_CONTRACT_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** After so many requests a server may have lost all its jobs, and there is a new one. */
const REQUESTS_OF_ONE_SERVER = 30;

const { server, call } = await testServer();
const document = await apiDocument(call);
await server.close();

test.each(operationsOf(document).map((operation) => [operation.operationId, operation] as const))(
  `whatever is asked of %s, the answer is as /openapi.json says (seed ${SEED})`,
  async (_name, operation) => {
    const faultsOf = faultsBy(document);
    let asked = 0;
    let stocked: Stocked | undefined;
    const renewed = async (): Promise<Stocked> => {
      await stocked?.server.close({ graceMs: 0 });
      stocked = await stockedServer(opened(newFile(), { synchronous: 'normal' }));
      return stocked;
    };
    const { hints } = await renewed();
    const answers = fc.asyncProperty(requestsOf(document, operation, hints), async (request) => {
      if (++asked % REQUESTS_OF_ONE_SERVER === 0) await renewed();
      const answer = await stocked?.ask(request);
      expect(answer && faultsOf(request, answer)).toEqual([]);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    });
    try {
      await fc.assert(answers, { seed: SEED, numRuns: REQUESTS, endOnFailure: true });
    } finally {
      await stocked?.server.close({ graceMs: 0 });
    }
  },
  Math.max(20_000, REQUESTS * 500),
);
