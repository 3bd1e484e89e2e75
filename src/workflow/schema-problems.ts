import type { z } from 'zod';
import { didYouMean } from '../engine/suggest.ts';
import type { Place } from './place-of.ts';
import type { WorkflowProblem } from './problem.ts';
import { taskKeys, workflowKeys } from './schema.ts';
import type { PlacedProblem, Source } from './source.ts';

type Path = readonly PropertyKey[];

/** What the schema says against a file, as sentences with a place. */
export const schemaProblems = (
  issues: readonly z.core.$ZodIssue[],
  file: unknown,
  place: (path: Path) => Place,
  { problemAt }: Source,
): readonly PlacedProblem[] =>
  issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const at = place([...issue.path, key]);
        return problemAt(at.key ?? at.value, 'UNKNOWN_KEY', unknownKey(file, issue.path, key));
      });
    }
    const problem = wrongValue(issue, file);
    return [problemAt(place(issue.path).value, problem.code, problem.message)];
  });

const unknownKey = (file: unknown, path: Path, key: string): string => {
  const known = path.length === 0 ? workflowKeys : taskKeys;
  const hint = didYouMean(key, known) || ` Known are ${known.join(', ')}.`;
  return `${subject(file, path)} has an unknown key "${key}".${hint}`;
};

const wrongValue = (issue: z.core.$ZodIssue, file: unknown): Pick<WorkflowProblem, 'code' | 'message'> => {
  const value = valueAt(file, issue.path);
  const expected = `expected ${issue.message}`;
  const key = issue.path.at(-1);
  if (key === undefined) return { code: 'INVALID_TYPE', message: `The file holds ${show(value)}: ${expected}.` };
  const around = issue.path.slice(0, -1);
  const owner = subject(file, around);
  if (value === undefined) return { code: 'MISSING_KEY', message: `${owner} has no "${String(key)}": ${expected}.` };
  const what =
    typeof key === 'number'
      ? `${owner} has ${show(value)} as entry ${key + 1}`
      : `${owner} has "${String(key)}" = ${show(value)}`;
  return { code: codeOf(issue, value), message: `${what}: ${expected}.${remedy(issue, value)}` };
};

const codeOf = (issue: z.core.$ZodIssue, value: unknown): 'INVALID_TYPE' | 'INVALID_VALUE' => {
  const wrongType =
    (issue.code === 'invalid_type' && !(typeof value === 'number' && issue.expected !== 'string')) ||
    (issue.code === 'invalid_union' && typeof value !== 'number' && typeof value !== 'string');
  return wrongType ? 'INVALID_TYPE' : 'INVALID_VALUE';
};

/** The way out, where what is there tells what was meant. */
const remedy = (issue: z.core.$ZodIssue, value: unknown): string => {
  const expected = issue.code === 'invalid_type' ? issue.expected : undefined;
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return ` Put it in quotes: "${value}".`;
  }
  if (issue.code === 'invalid_value')
    return typeof value === 'string' ? didYouMean(value, issue.values.map(String)) : '';
  if (typeof value !== 'string') return value === null ? ' Give it one, or leave the key out.' : '';
  if (expected === 'boolean') {
    const meant = BOOLEANS[value.toLowerCase()];
    return meant === undefined ? '' : ` Write ${meant}.`;
  }
  if (expected === 'array') return ` Write it as a list: [${JSON.stringify(value)}].`;
  return expected !== 'string' && /^\d+$/.test(value) ? ` Remove the quotes: ${value}.` : '';
};

/** Words of YAML 1.1 and other formats, which are text in YAML 1.2. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
};

/** Whose value it is: the workflow, or a task by its name or else its number. */
const subject = (file: unknown, path: Path): string => {
  if (path[0] !== 'tasks' || path.length < 2) return path.length === 0 ? 'The workflow' : 'The list of tasks';
  const name = valueAt(file, [...path.slice(0, 2), 'name']);
  const task = typeof name === 'string' && name !== '' ? `Task "${name}"` : `Task number ${Number(path[1]) + 1}`;
  return path.length === 2 ? task : `${task}, under "${path.slice(2).map(String).join('.')}",`;
};

const valueAt = (file: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, step) =>
      value !== null && typeof value === 'object' && Object.hasOwn(value, step) ? value[step as never] : undefined,
    file,
  );

const show = (value: unknown): string => {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
