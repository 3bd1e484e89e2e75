import * as z from 'zod/mini';
import { KEY_DESCRIPTIONS } from './key-descriptions.ts';
import { workflowSchema } from './schema.ts';

/** The JSON Schema (draft 7) of workflow files, from the schema that checks them; editors complete and check with it. */
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

/** With what each key means. */
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

/** Of a key whose meaning depends on the one around it, `params.type` comes before `type`. */
const describedProperties = (properties: Record<string, unknown>, around: string): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => {
      const description = KEY_DESCRIPTIONS[`${around}.${key}`] ?? KEY_DESCRIPTIONS[key];
      const schema = described(value, key) as Record<string, unknown>;
      // Beside a reference draft 7 reads nothing.
      const open = '$ref' in schema ? { allOf: [schema] } : schema;
      return [key, description === undefined ? schema : { description, ...open }];
    }),
  );
