import { textOf } from '../../events/error-data.ts';
import type { Violation } from '../errors/problem.ts';

/**
 * What a schema library offers to be used through: Standard Schema 1 (https://standardschema.dev), spelled out so that the
 * types of tintype need no package. zod, valibot and arktype schemas are such schemas.
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

/** What a schema takes. */
export type SchemaInput<Schema> = Schema extends StandardSchema<infer Input, unknown> ? Input : never;

/** What a schema makes of it. */
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

export const violationsOf = (issues: readonly SchemaIssue[]): readonly Violation[] =>
  issues.map((issue) => ({ path: pathText(issue?.path), message: textOf(issue?.message) }));

const pathText = (path: SchemaIssue['path']): string => {
  if (!Array.isArray(path)) return '';
  return path.reduce<string>((text, segment) => {
    const key: unknown = typeof segment === 'object' && segment !== null ? segment.key : segment;
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key);
    if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
};
