import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { isExact, numbersIn } from '../../executors/exact-json.ts';
import { oddNumbersIn, oddNumberText } from '../../workflow/odd-numbers.ts';
import type { ParamSpec } from '../../workflow/param-spec.ts';
import { paramSpecs, readParams } from '../../workflow/params.ts';
import { TOO_DEEP } from '../../workflow/parse-yaml.ts';
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
  const specs = paramSpecs(workflow.params);
  const { values, faults } = readParams(specs, given);
  if (faults.length === 0) requirePlainNumbers(specs, param.map(pair));
  if (faults.length === 0) return values;
  throw new UsageError(`${faults.join('\n')}\nGive params as --param name=value, or in a file by --params-file.`);
};

/** Checks the JSON of lists and mappings: who types 3.10 may mean a text. What is not exact is text. @throws UsageError */
const requirePlainNumbers = (specs: readonly ParamSpec[], given: readonly (readonly [string, string])[]): void => {
  for (const [name, text] of given) {
    const type = specs.find((spec) => spec.name === name)?.type;
    if (type !== 'list' && type !== 'mapping') continue;
    for (const { written } of numbersIn(text)) {
      const value = Number(written);
      if (written === String(value) || !isExact(written)) continue;
      const odd = { written, value, offset: 0 };
      throw new UsageError(`The param "${name}" ${oddNumberText(odd)}`);
    }
  }
};

export const pair = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--param is ${JSON.stringify(text)}: expected name=value.`);
};

export const paramsOfFile = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  let values: unknown;
  let odd: readonly string[];
  try {
    // Also parses JSON, which is valid YAML.
    const document = parseDocument(await readFile(file, 'utf8'));
    const [error] = document.errors;
    if (error) throw error.code === 'RESOURCE_EXHAUSTION' ? new RangeError() : error;
    odd = [...oddNumbersIn(document.contents, new Map())].map(oddNumberText);
    values = document.toJS();
  } catch (error) {
    const why = error instanceof RangeError ? TOO_DEEP : (error as Error).message;
    throw new UsageError(`The params in ${file} can't be read: ${why}`);
  }
  if (odd.length > 0) throw new UsageError(odd.map((text) => `The params file ${file} ${text}`).join('\n'));
  if (values === null || values === undefined) return {};
  if (typeof values === 'object' && !Array.isArray(values)) return values as Readonly<Record<string, unknown>>;
  throw new UsageError(`The file ${file} holds no mapping of params to values.`);
};
