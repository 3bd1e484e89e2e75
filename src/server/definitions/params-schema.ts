import type { ParamSpec } from '../../workflow/params.ts';

/** Returns the JSON Schema of a workflow's params, for clients that show a form. */
export const paramsSchema = (specs: readonly ParamSpec[]): Record<string, unknown> => ({
  type: 'object',
  properties: Object.fromEntries(
    specs.map((spec) => {
      const { name, type, description, enum: values } = spec;
      const fallback = 'default' in spec ? { default: spec.default } : {};
      return [
        name,
        {
          type: TYPES[type],
          ...(description !== undefined && { description }),
          ...(values && { enum: values }),
          ...fallback,
        },
      ];
    }),
  ),
  required: specs.filter((spec) => spec.default === undefined).map(({ name }) => name),
  additionalProperties: false,
});

const TYPES: Readonly<Record<ParamSpec['type'], string>> = {
  string: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  list: 'array',
  mapping: 'object',
};
