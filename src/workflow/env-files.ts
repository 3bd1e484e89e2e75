import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { withoutAttempt } from '../executors/process/variables.ts';
import type { ParsedWorkflow } from './parse-workflow.ts';
import { WorkflowError, type WorkflowProblem } from './problem.ts';
import { readWorkflowFile } from './read-file.ts';
import type { WorkflowEnvFile } from './schema.ts';

/** Variables by their names. */
export type Variables = Readonly<Record<string, string | undefined>>;

type EnvFile = Exclude<WorkflowEnvFile, string | readonly unknown[]>;

export type EnvFiles = {
  /** What the files set; a later file goes before an earlier one. */
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly WorkflowProblem[];
};

/** Reads the files of `env_file`, in the syntax that Node.js has for them. Relative paths start from `directory`. */
export const readEnvFiles = async (
  { workflow: { env_file: given }, problemAt }: ParsedWorkflow,
  directory: string,
): Promise<EnvFiles> => {
  const values: Record<string, string> = {};
  const problems: WorkflowProblem[] = [];
  for (const [index, entry] of envFilesOf(given).entries()) {
    const at = Array.isArray(given) ? ['env_file', index] : ['env_file'];
    try {
      const found = parseEnv(await readWorkflowFile(resolve(directory, entry.path))) as Record<string, string>;
      const odd = Object.keys(found).find((name) => !NAME.test(name));
      if (odd !== undefined) {
        const message = `The file ${entry.path} sets ${JSON.stringify(odd)}, which is no name of a variable. Each line is NAME=value.`;
        problems.push(problemAt(at, 'INVALID_VALUE', message));
      }
      Object.assign(values, found);
    } catch (error) {
      if (!(error instanceof WorkflowError)) throw error;
      const [problem] = error.problems;
      if (!problem || (problem.code === 'FILE_NOT_FOUND' && entry.required === false)) continue;
      problems.push(problemAt(at, problem.code, messageOf(entry.path, problem)));
    }
  }
  return { values, problems };
};

/** Returns the entries of `env_file`, each as a mapping. */
export const envFilesOf = (given: WorkflowEnvFile | undefined): readonly EnvFile[] =>
  (given === undefined ? [] : [given].flat()).map((entry) => (typeof entry === 'string' ? { path: entry } : entry));

/** Returns the variables of an environment, with those of files that are not in it. */
export const laidOver = (values: Variables, env: Variables): Variables => ({ ...values, ...defined(env) });

/** Returns the variables that a command lacks in the environment of this process. */
export const addedVariables = (values: Variables, env: Variables): Record<string, string> => {
  const all = laidOver(values, env);
  const names = Object.keys(values).filter((name) => process.env[name] === undefined);
  return withoutAttempt(Object.fromEntries(names.map((name) => [name, all[name] as string])));
};

const defined = (env: Variables): Variables =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));

const NAME = /^[A-Za-z_][\w.-]*$/;

const messageOf = (path: string, { code, message }: WorkflowProblem): string =>
  code === 'FILE_NOT_FOUND'
    ? `There is no file ${path}. Check the path; of one that may be missing say so: { path: ${path}, required: false }.`
    : `The variables of ${path} can't be read. ${message}`;
