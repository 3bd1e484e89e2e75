import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDefinition } from '../../engine/definition/sealed.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { errorData } from '../../events/error-data.ts';
import { UsageError } from '../terminal/exit-code.ts';

/** Loads a module and returns its exports, all of which must be sealed definitions. @throws UsageError with all problems */
export const definitionsIn = async (file: string): Promise<readonly AnyDefinition[]> => {
  const exported = Object.entries(await load(file));
  if (exported.length === 0)
    throw new UsageError(
      `${file} exports nothing. Export sealed definitions: export const etl = defineJob(…)….seal();`,
    );
  const problems = exported.flatMap(([name, value]) => problemOf(name, value) ?? []);
  if (problems.length > 0) throw new UsageError(`${file}: ${problems.join(' ')}`);
  return [...new Set(exported.map(([, value]) => value as AnyDefinition))];
};

const load = async (file: string): Promise<Record<string, unknown>> => {
  if (!existsSync(file)) throw new UsageError(`There is no file ${file}. Name a module with --module.`);
  try {
    return await import(/* @vite-ignore */ pathToFileURL(resolve(file)).href);
  } catch (error) {
    const { name, message } = errorData(error);
    throw new UsageError(`${file} can't be loaded: ${name}: ${message}`);
  }
};

const problemOf = (name: string, value: unknown): string | undefined => {
  if (isDefinition(value)) return undefined;
  switch (value?.constructor?.name) {
    case 'JobBuilder':
      return `The export "${name}" is not sealed: end it with .seal().`;
    case 'JobDefinition':
      return `The export "${name}" was made by another installation of tintype. Start the one that the module imports: npx tintype serve.`;
    default:
      return `The export "${name}" is no sealed definition: export nothing else.`;
  }
};
