import { z } from 'zod';
import type { StandardSchema } from '../../engine/definition/standard-schema.ts';
import { declaredSchema } from '../documents/output-schema.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** In characters of JSON: a form of more would help nobody. */
const MAX_SCHEMA = 64 * 1024;

/**
 * Returns what the output of a unit has to be like, as JSON Schema: what its document says, or what its schema in code
 * amounts to, if that is one of zod or can say it itself.
 */
export const outputJsonSchema = (schema: StandardSchema | undefined): JsonSchema | undefined => {
  if (!schema) return undefined;
  if (KNOWN.has(schema)) return KNOWN.get(schema);
  const found = declaredSchema(schema) ?? readSchema(schema);
  const shown = found && JSON.stringify(found).length <= MAX_SCHEMA ? found : undefined;
  KNOWN.set(schema, shown);
  return shown;
};

const KNOWN = new WeakMap<StandardSchema, JsonSchema | undefined>();

/** A part of Standard Schema that few libraries have so far. */
type WithJsonSchema = {
  readonly jsonSchema?: { readonly input: (options: { readonly target: string }) => JsonSchema };
};

const readSchema = (schema: StandardSchema): JsonSchema | undefined => {
  const { vendor, jsonSchema } = schema['~standard'] as StandardSchema['~standard'] & WithJsonSchema;
  try {
    return vendor === 'zod'
      ? z.toJSONSchema(schema as unknown as z.ZodType, { io: 'input', unrepresentable: 'any' })
      : jsonSchema?.input({ target: 'draft-2020-12' });
  } catch {
    // One of an older version, or that no JSON Schema can express.
    return undefined;
  }
};
