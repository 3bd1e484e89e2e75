import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { paramSpecs, readParams } from '../../workflow/params.ts';
import type { Workflow } from '../../workflow/schema.ts';
import { UsageError } from '../terminal/exit-code.ts';

type Given = { readonly param?: readonly string[]; readonly paramsFile?: string };

/** Returns a job's params from the command line, the params file or the defaults. @throws UsageError with all faults */
export const givenParams = async (
  workflow: Workflow,
  { param = [], paramsFile }: Given,
): Promise<Readonly<Record<string, unknown>>> => {
  const given = {
    ...(paramsFile === undefined ? {} : await paramsOfFile(paramsFile)),
    ...Object.fromEntries(param.map(pair)),
  };
  const { values, faults } = readParams(paramSpecs(workflow.params), given);
  if (faults.length === 0) return values;
  throw new UsageError(`${faults.join('\n')}\nGive params as --param name=value, or in a file by --params-file.`);
};

const pair = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--param is ${JSON.stringify(text)}: expected name=value.`);
};

const paramsOfFile = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  let values: unknown;
  try {
    // Also parses JSON, which is valid YAML.
    values = parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`The params in ${file} can't be read: ${(error as Error).message}`);
  }
  if (values === null || values === undefined) return {};
  if (typeof values === 'object' && !Array.isArray(values)) return values as Readonly<Record<string, unknown>>;
  throw new UsageError(`The file ${file} holds no mapping of params to values.`);
};
