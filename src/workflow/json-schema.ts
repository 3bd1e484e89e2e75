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
    ...(described(schema) as Record<string, unknown>),
    patternProperties: { '^x-': { description: KEY_DESCRIPTIONS['x-'] } },
  };
};

/** Adds the descriptions of keys to a JSON Schema. `around` is the key that contains it. */
const described = (schema: unknown, around = ''): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => described(one, around));
  if (schema === null || typeof schema !== 'object') return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'properties' ? describedProperties(value as Record<string, unknown>, around) : described(value, around),
    ]),
  );
};

/** Adds descriptions to `properties`. Under `params`, a description of `params.type` wins over one of `type`. */
const describedProperties = (properties: Record<string, unknown>, around: string): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => {
      const description = KEY_DESCRIPTIONS[`${around}.${key}`] ?? KEY_DESCRIPTIONS[key];
      const schema = described(value, key) as Record<string, unknown>;
      // Draft 7 ignores everything beside a `$ref`, so the reference is wrapped.
      const open = '$ref' in schema ? { allOf: [schema] } : schema;
      return [key, description === undefined ? schema : { description, ...open }];
    }),
  );
