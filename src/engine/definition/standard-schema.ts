import { textOf } from '../../events/error-data.ts';
import { pathText } from '../durable/serialise.ts';
import type { Violation } from '../errors/problem.ts';

/**
 * A schema as specified by Standard Schema 1 (https://standardschema.dev), such as a zod, valibot or arktype schema.
 * The type is declared here to avoid a dependency.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export type SchemaIssue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};

export type SchemaInput<Schema> = Schema extends StandardSchema<infer Input, unknown> ? Input : never;
export type SchemaOutput<Schema> = Schema extends StandardSchema<unknown, infer Output> ? Output : never;

export const isSchema = (value: unknown): value is StandardSchema => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    const { version, validate } = (value as StandardSchema)['~standard'];
    return version === 1 && typeof validate === 'function';
  } catch {
    return false;
  }
};

/** Converts a schema's issues to violations, with paths as text, such as `rows[0].name`. */
export const violationsOf = (issues: readonly SchemaIssue[]): readonly Violation[] =>
  issues.map((issue) => ({ path: textOfPath(issue?.path), message: textOf(issue?.message) }));

const textOfPath = (path: SchemaIssue['path']): string => {
  if (!Array.isArray(path)) return '';
  const keys = path.map((segment): unknown =>
    typeof segment === 'object' && segment !== null ? segment.key : segment,
  );
  return pathText(keys.map((key) => (typeof key === 'number' ? key : String(key))));
};
