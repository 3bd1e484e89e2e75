import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Workflow } from './schema.ts';

export type Secrets = {
  readonly values: Readonly<Record<string, string>>;
  /** The secrets that were not found or are empty, each with a message that says why. */
  readonly missing: readonly { readonly name: string; readonly message: string }[];
};

export type SecretSource = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory that relative paths of files start from. */
  readonly directory: string;
};

/** Reads each secret of a workflow from a file or environment variable. Default: the variable of the secret's name. */
export const readSecrets = (declared: Workflow['secrets'], source: SecretSource): Secrets => {
  const values: Record<string, string> = Object.create(null);
  const missing: { name: string; message: string }[] = [];
  for (const [name, from] of Array.isArray(declared)
    ? declared.map((name) => [name, null] as const)
    : Object.entries(declared ?? {})) {
    const { value, message } =
      from?.file === undefined ? fromEnv(name, from?.env ?? name, source) : fromFile(name, from.file, source);
    if (value !== undefined) values[name] = value;
    else missing.push({ name, message: message ?? '' });
  }
  return { values, missing };
};

type Found = { readonly value?: string; readonly message?: string };

const fromEnv = (name: string, variable: string, { env }: SecretSource): Found => {
  const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (value) return { value };
  const what = value === undefined ? 'is not set' : 'is empty';
  return {
    message: `The secret "${name}" has no value: the environment variable ${variable} ${what}. Set it, or name a file.`,
  };
};

const fromFile = (name: string, file: string, { directory }: SecretSource): Found => {
  const path = resolve(directory, file);
  try {
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return value === '' ? { message: `The secret "${name}" has no value: the file ${path} is empty.` } : { value };
  } catch (error) {
    return { message: `The secret "${name}" has no value: ${(error as Error).message}.` };
  }
};
