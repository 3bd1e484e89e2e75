import { isComputed } from '../../workflow/computed-params.ts';
import type { ParamSpec } from '../../workflow/param-spec.ts';

/** Returns the JSON Schema of a workflow's params, for clients that show a form. */
export const paramsSchema = (specs: readonly ParamSpec[]): Record<string, unknown> => ({
  type: 'object',
  properties: Object.fromEntries(
    specs.map((spec) => {
      const { name, type, enum: values } = spec;
      const isAuto = isComputed(spec);
      const fallback = 'default' in spec && !isAuto ? { default: spec.default } : {};
      // A form has nothing to show in the field: it says what it becomes when it is left empty.
      const auto = isAuto ? `Default: ${shown(spec.default)}` : undefined;
      const description = [spec.description, auto].filter((part) => part !== undefined).join(' ') || undefined;
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

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
