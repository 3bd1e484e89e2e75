import * as z from 'zod/mini';
import { KEY_DESCRIPTIONS } from './key-descriptions.ts';
import { workflowSchema } from './schema.ts';

/** Returns the JSON Schema (draft 7) of workflow files, for editors; generated from the schema that checks them. */
export const workflowJsonSchema = (): Record<string, unknown> => {
  const schema = z.toJSONSchema(workflowSchema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    reused: 'ref',
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'tintype workflow',
    ...(withDescriptions(schema) as Record<string, unknown>),
    patternProperties: { '^x-': { description: KEY_DESCRIPTIONS['x-'] } },
  };
};

/** Adds the descriptions of keys to a JSON Schema. `parent`: the key whose value the schema describes. */
const withDescriptions = (schema: unknown, parent = ''): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => withDescriptions(one, parent));
  if (schema === null || typeof schema !== 'object') return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'properties'
        ? withPropertyDescriptions(value as Record<string, unknown>, parent)
        : withDescriptions(value, parent),
    ]),
  );
};

/** Adds descriptions to `properties`. The key `type` in `params` gets that of `params.type` if there is one. */
const withPropertyDescriptions = (properties: Record<string, unknown>, parent: string): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => {
      const description = KEY_DESCRIPTIONS[`${parent}.${key}`] ?? KEY_DESCRIPTIONS[key];
      const schema = withDescriptions(value, key) as Record<string, unknown>;
      // Draft 7 ignores everything beside a `$ref`, so the reference is wrapped.
      const open = '$ref' in schema ? { allOf: [schema] } : schema;
      return [key, description === undefined ? schema : { description, ...open }];
    }),
  );
