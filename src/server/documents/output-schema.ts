import { z } from 'zod';
import type { StandardSchema } from '../../engine/definition/standard-schema.ts';

/** What is wrong with a JSON Schema; undefined if it can be used. */
export type SchemaFault = { readonly path: string; readonly message: string };

/**
 * Returns the schema of a unit's output, which puts the output under the unit's name: two units that report the same key
 * would overwrite one another in the context of their task. Without a JSON Schema, any JSON is an output.
 */
export const outputSchema = (
  unit: string,
  given: Readonly<Record<string, unknown>> | undefined,
): { readonly schema: StandardSchema } | { readonly fault: SchemaFault } => {
  if (given === undefined) return { schema: named(unit, (value) => ({ value })) };
  const fault = faultIn(given, '', 0) ?? sizeFault(given);
  if (fault) return { fault };
  let read: z.ZodType;
  try {
    read = z.fromJSONSchema(given as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (error) {
    return { fault: { path: '', message: `The schema can't be used: ${(error as Error).message}` } };
  }
  const schema = named(unit, (value) => {
    const { success, data, error } = read.safeParse(value);
    return success
      ? { value: data }
      : {
          issues: error.issues.map(({ message, path }) => ({
            message,
            path: path.map((step) => step as string | number),
          })),
        };
  });
  DECLARED.set(schema, given);
  return { schema };
};

const DECLARED = new WeakMap<StandardSchema, Readonly<Record<string, unknown>>>();

/** Returns the JSON Schema that a document gives for the output of a unit; undefined for any other schema. */
export const declaredSchema = (schema: StandardSchema): Readonly<Record<string, unknown>> | undefined =>
  DECLARED.get(schema);

type Validated =
  | { readonly value: unknown }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly (string | number)[] }[] };

const named = (unit: string, validate: (value: unknown) => Validated): StandardSchema =>
  ({
    '~standard': {
      version: 1,
      vendor: VENDOR,
      validate: (value: unknown) => {
        const checked = validate(value);
        return 'issues' in checked ? checked : { value: { [unit]: checked.value } };
      },
    },
  }) as StandardSchema;

const VENDOR = 'tintype document';

/** Whether a schema is that of a unit of a document, whose output stands under the unit's name. */
export const isOfDocument = (schema: StandardSchema | undefined): boolean =>
  schema !== undefined && schema['~standard'].vendor === VENDOR;

/** Keywords whose regular expressions a client could make so slow that they stop the server. */
const REFUSED = ['pattern', 'patternProperties'];

const MAX_DEPTH = 32;

/** `areNames`: the keys are names that the schema's author chose, not keywords. */
const faultIn = (schema: unknown, path: string, depth: number, areNames = false): SchemaFault | undefined => {
  if (depth > MAX_DEPTH) return { path, message: `The schema is nested more than ${MAX_DEPTH} levels deep.` };
  if (typeof schema !== 'object' || schema === null) return undefined;
  for (const [key, value] of Object.entries(schema)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (REFUSED.includes(key) && !areNames)
      return {
        path: at,
        message: `A schema of an output may have no "${key}": a slow one would stop the server. Leave it out.`,
      };
    if (key === '$ref' && !areNames && !(typeof value === 'string' && value.startsWith('#')))
      return { path: at, message: 'A schema of an output may refer to its own parts alone, as #/$defs/name.' };
    const fault = faultIn(value, at, depth + 1, !areNames && OF_NAMES.includes(key));
    if (fault) return fault;
  }
  return undefined;
};

/**
 * Refuses a schema that is small to write and endless to check: whose references, put in their places, make more than
 * `MAX_PARTS` parts, or refer to a part that they stand in.
 */
const sizeFault = (root: Readonly<Record<string, unknown>>): SchemaFault | undefined => {
  let parts = 0;
  const count = (schema: unknown, within: readonly string[]): SchemaFault | undefined => {
    if (typeof schema !== 'object' || schema === null) return undefined;
    if (++parts > MAX_PARTS)
      return {
        path: '',
        message: `The schema has more than ${MAX_PARTS} parts, those that it refers to counted each time.`,
      };
    for (const [key, value] of Object.entries(schema)) {
      const isRef = key === '$ref' && typeof value === 'string';
      if (isRef && within.includes(value))
        return { path: '', message: `The schema refers to "${value}" within that: leave the inner one open.` };
      const fault = isRef ? count(partAt(root, value), [...within, value]) : count(value, within);
      if (fault) return fault;
    }
    return undefined;
  };
  return count(root, ['#']);
};

const MAX_PARTS = 1_000;

const partAt = (root: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((part, step) => (part as Readonly<Record<string, unknown>> | undefined)?.[step], root);

const OF_NAMES = ['properties', '$defs', 'definitions', 'dependentSchemas'];
