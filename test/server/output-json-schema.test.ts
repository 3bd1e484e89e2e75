import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { createClient } from '../../src/client/client.ts';
import type { StandardSchema } from '../../src/engine/definition/standard-schema.ts';
import { jobFrom } from '../../src/engine/job-from.ts';
import type { Server } from '../../src/server/create-server.ts';
import { unitId } from '../../src/server/units/unit-id.ts';
import { comingFrom, testServer } from '../support/server.ts';
import { turns } from '../support/turns.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ graceMs: 0 });
});

/** A schema that takes every object; `more` is what its library says of it. */
const schema = (more: object = {}): StandardSchema<object> => ({
  '~standard': { version: 1, vendor: 'own', validate: (value) => ({ value: value as object }), ...more },
});

const deep = Array.from({ length: 2_000 }, (_, at) => `key ${at}, which has a long name`);

/** External tasks of code, by what their output is checked with. */
const outputs: Readonly<Record<string, StandardSchema<object> | undefined>> = {
  any: undefined,
  zod: z.object({ approved: z.boolean(), until: z.iso.date().optional(), by: z.string().transform((by) => by.length) }),
  unspeakable: z.object({ when: z.date() }),
  other: schema(),
  speaking: schema({ jsonSchema: { input: ({ target }: { target: string }) => ({ type: 'object', $id: target }) } }),
  throwing: schema({
    jsonSchema: {
      input: () => {
        throw new Error('no');
      },
    },
  }),
  older: schema({ vendor: 'zod' }),
  huge: z.object(Object.fromEntries(deep.map((key) => [key, z.string()]))),
};

const approval = jobFrom(
  'approval',
  Object.entries(outputs).map(([name, output]) => ({ name, kind: 'external', ...(output && { output }) })),
);

const ofSauce = { type: 'object', properties: { done: { type: 'boolean' } }, required: ['done'] };
const dinner = {
  name: 'dinner',
  tasks: [
    {
      name: 'cook',
      units: [
        { name: 'sauce', owner: 'cook', output: ofSauce },
        { name: 'fish', owner: 'cook' },
      ],
    },
  ],
};

test('a unit says what its output has to be like, if that is known as JSON Schema', async () => {
  const { server, call } = await testServer({ definitions: [approval] });
  servers.push(server);
  await call('POST', '/jobs', { body: { definition: 'approval', jobId: 'a' } });
  await call('POST', '/jobs', { body: { document: dinner, jobId: 'd' } });
  await turns();
  const schemaOf = async (jobId: string, path: string): Promise<unknown> => {
    const { status, body } = await call('GET', `/units/${unitId(jobId, path)}`);
    expect(status).toBe(200);
    return (body as { outputSchema?: unknown }).outputSchema;
  };
  const shown = async (): Promise<unknown> =>
    Object.fromEntries(await Promise.all(Object.keys(outputs).map(async (name) => [name, await schemaOf('a', name)])));
  const expected = {
    any: undefined,
    zod: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        approved: { type: 'boolean' },
        until: expect.objectContaining({ type: 'string', format: 'date' }),
        by: { type: 'string' },
      },
      required: ['approved', 'by'],
    },
    unspeakable: expect.objectContaining({ properties: { when: {} } }),
    other: undefined,
    speaking: { type: 'object', $id: 'draft-2020-12' },
    throwing: undefined,
    older: undefined,
    huge: undefined,
  };
  expect(await shown()).toEqual(expected);
  expect(await schemaOf('d', 'cook/sauce')).toEqual(ofSauce);
  expect(await schemaOf('d', 'cook/fish')).toBeUndefined();
  // Also when the job is over, and read from the journal.
  for (const jobId of ['a', 'd']) await call('POST', `/jobs/${jobId}/cancel`);
  await turns();
  expect(await shown()).toEqual(expected);
  expect(await schemaOf('d', 'cook/sauce')).toEqual(ofSauce);
  const client = createClient({
    url: 'http://localhost',
    fetch: async (url, init) => server.fetch(new Request(url as string, init), comingFrom('127.0.0.1')),
  });
  expect((await client.units.get(unitId('d', 'cook/sauce'))).outputSchema).toEqual(ofSauce);
  expect((await client.units.list({ job: 'd', state: 'cancelled' })).items[0]).not.toHaveProperty('outputSchema');
});
