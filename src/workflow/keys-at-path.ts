import { workflowSchema } from './schema.ts';

/** Returns the keys that the mapping at a path of the file may have, used to suggest corrections of unknown keys. */
export const keysAtPath = (path: readonly PropertyKey[], file: unknown): readonly string[] => {
  let schemas: readonly Schema[] = [workflowSchema as unknown as Schema];
  let value = file;
  for (const step of path) {
    schemas = schemas.flatMap((schema) => variants(schema, value)).flatMap((schema) => within(schema, step));
    value = value !== null && typeof value === 'object' ? (value as Record<PropertyKey, unknown>)[step] : undefined;
  }
  const found = schemas.flatMap((schema) => variants(schema, value)).find(({ _zod: { def } }) => def.shape);
  return Object.keys(found?._zod.def.shape ?? {});
};

/** The parts of zod's internal schema definition that are read here. */
type Schema = {
  readonly _zod: {
    readonly def: {
      readonly type: string;
      readonly shape?: Readonly<Record<string, Schema>>;
      readonly element?: Schema;
      readonly valueType?: Schema;
      readonly innerType?: Schema;
      readonly in?: Schema;
      readonly options?: readonly Schema[];
      readonly discriminator?: string;
      readonly values?: readonly unknown[];
    };
  };
};

/** Unwraps a schema. For a union, returns its members, or only the member that the value's discriminator selects. */
const variants = (schema: Schema, value: unknown): readonly Schema[] => {
  const { def } = schema._zod;
  const inner = def.innerType ?? def.in;
  if (inner) return variants(inner, value);
  if (!def.options) return [schema];
  const key = def.discriminator;
  if (key === undefined) return def.options.flatMap((option) => variants(option, value));
  const tag = (value as Record<string, unknown> | null | undefined)?.[key];
  return def.options.filter((option) => option._zod.def.shape?.[key]?._zod.def.values?.includes(tag));
};

const within = ({ _zod: { def } }: Schema, step: PropertyKey): readonly Schema[] => {
  const next = def.shape?.[String(step)] ?? def.element ?? def.valueType;
  return next ? [next] : [];
};
