import type * as z from 'zod/mini';
import { didYouMean, suggest } from '../engine/errors/suggest.ts';
import { foreignKey, foreignValue, meantKey } from './foreign-words.ts';
import { keysAtPath } from './keys-at-path.ts';
import type { Location } from './locate.ts';
import type { WorkflowProblem } from './problem.ts';
import { anyTask } from './schema.ts';
import type { Complaint } from './schema-values.ts';
import type { PlacedProblem, Source } from './source.ts';
import { ownerPath } from './tasks-of.ts';

type Path = readonly PropertyKey[];

/** Turns the schema's issues into problems: a sentence each, with a place in the file. */
export const schemaProblems = (
  issues: readonly z.core.$ZodIssue[],
  file: unknown,
  place: (path: Path) => Location,
  { problemAt, offsetOf, offsetIn }: Source,
): readonly PlacedProblem[] =>
  withoutMisnamed(issues.flatMap((issue) => withoutType(issue, file)).flatMap(unionMemberIssues), file).flatMap(
    (issue) => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => {
          const at = place([...issue.path, key]);
          return problemAt(at.key ?? at.value, 'UNKNOWN_KEY', unknownKey(file, issue.path, key));
        });
      }
      if (issue.code === 'custom' && issue.params?.code) {
        const { code, near, fault } = issue.params as Complaint;
        const key = issue.path.slice(ownerPath(issue.path).length).map(String).join('.');
        const message = `${subject(file, ownerPath(issue.path))} has ${key === '' ? 'a value, which' : `"${key}", which`} ${issue.message}`;
        const { value } = place(issue.path);
        return [problemAt(fault ? offsetIn(value, fault.text, fault.at) : offsetOf(value, near), code, message)];
      }
      if (issue.code === 'invalid_key') {
        const key = String(issue.path.at(-1));
        const message = `${subject(file, issue.path.slice(0, -1))} has a key "${key}": expected ${issue.issues[0]?.message ?? 'another name'}.`;
        const at = place(issue.path);
        return [problemAt(at.key ?? at.value, 'INVALID_VALUE', message)];
      }
      const problem = wrongValue(issue, file);
      return [problemAt(place(issue.path).value, problem.code, problem.message)];
    },
  );

/** Replaces the issue of a union: if the value has the type of exactly one member, returns that member's issues. */
const unionMemberIssues = (issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] => {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.filter((member) =>
    member.every(({ code, path }) => code === 'custom' || path.length > 0 || code === 'unrecognized_keys'),
  );
  const [only] = meant;
  if (meant.length !== 1 || !only || only.length === 0) return [issue];
  return only.map((one) => ({ ...one, path: [...issue.path, ...one.path] })).flatMap(unionMemberIssues);
};

/** For a task of unknown type, adds issues of the keys that all tasks share: the schema checks only the type then. */
const withoutType = (issue: z.core.$ZodIssue, file: unknown): readonly z.core.$ZodIssue[] => {
  const path = issue.path.slice(0, -1);
  if (issue.code !== 'invalid_union' || issue.path.at(-1) !== 'type' || path.length !== ownerPath(path).length)
    return [issue];
  const further = anyTask.safeParse(valueAt(file, path)).error?.issues ?? [];
  return [issue, ...further.map((one) => ({ ...one, path: [...path, ...one.path] }))];
};

/** Leaves out that a key is missing if an unknown key is meant for it: one slip is one problem. */
const withoutMisnamed = (issues: readonly z.core.$ZodIssue[], file: unknown): readonly z.core.$ZodIssue[] => {
  const isMissing = ({ code, path }: z.core.$ZodIssue): boolean =>
    code !== 'unrecognized_keys' && valueAt(file, path) === undefined;
  if (!issues.some(isMissing)) return issues;
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const known = keysAtPath(issue.path, file);
    for (const key of issue.keys) {
      const name =
        meantKey(issue.path, key, known) ?? (foreignKey(issue.path, key, known) ? undefined : suggest(key, known));
      if (name !== undefined) meant.add(JSON.stringify([...issue.path, name]));
    }
  }
  return issues.filter((issue) => !isMissing(issue) || !meant.has(JSON.stringify(issue.path)));
};

const unknownKey = (file: unknown, path: Path, key: string): string => {
  const known = keysAtPath(path, file);
  const hint = foreignKey(path, key, known) ?? (didYouMean(key, known) || ` Known are ${known.join(', ')}.`);
  return `${subject(file, path)} has an unknown key "${key}".${hint}`;
};

const wrongValue = (issue: z.core.$ZodIssue, file: unknown): Pick<WorkflowProblem, 'code' | 'message'> => {
  const value = valueAt(file, issue.path);
  const expected = `expected ${issue.message}`;
  const key = issue.path.at(-1);
  if (key === undefined) return { code: 'INVALID_TYPE', message: `The file holds ${show(value)}: ${expected}.` };
  const parent = issue.path.slice(0, -1);
  const owner = subject(file, parent);
  if (value === undefined) {
    // Without a type the other keys are not checked, so that nothing else names the one that is meant for it.
    const others = key === 'type' ? Object.keys(valueAt(file, parent) ?? {}) : [];
    const meant = others.find((other) => meantKey(parent, other, ['type']));
    const hint = meant === undefined ? '' : ` "${meant}" is called "type" here.`;
    return { code: 'MISSING_KEY', message: `${owner} has no "${String(key)}": ${expected}.${hint}` };
  }
  const what =
    typeof key === 'number'
      ? `${owner} has ${show(value)} as entry ${key + 1}`
      : `${owner} has "${String(key)}" = ${show(value)}`;
  const hint = foreignValue(issue.path, value) ?? remedy(issue, value);
  return { code: codeOf(issue, value), message: `${what}: ${expected}.${hint}` };
};

const codeOf = (issue: z.core.$ZodIssue, value: unknown): 'INVALID_TYPE' | 'INVALID_VALUE' => {
  const wrongType =
    (issue.code === 'invalid_type' && !(typeof value === 'number' && issue.expected !== 'string')) ||
    (issue.code === 'invalid_union' && typeof value !== 'number' && typeof value !== 'string');
  return wrongType ? 'INVALID_TYPE' : 'INVALID_VALUE';
};

/** Returns a suggestion if the value shows what was meant, else an empty text. */
const remedy = (issue: z.core.$ZodIssue, value: unknown): string => {
  const expected = issue.code === 'invalid_type' ? issue.expected : undefined;
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return ` Put it in quotes: "${value}".`;
  }
  const choice = [...issue.message.matchAll(/"([^"]+)"/g)].map(([, word = '']) => word);
  if (choice.length > 0 && typeof value === 'string') return didYouMean(value, choice);
  if (typeof value !== 'string') return value === null ? ' Give it one, or leave the key out.' : '';
  if (expected === 'boolean') {
    // Words that are booleans in YAML 1.1 or other formats, but text in YAML 1.2.
    if (/^(yes|on|true)$/i.test(value)) return ' Write true.';
    return /^(no|off|false)$/i.test(value) ? ' Write false.' : '';
  }
  if (expected === 'array') return ` Write it as a list: [${JSON.stringify(value)}].`;
  return expected !== 'string' && /^\d+$/.test(value) ? ` Remove the quotes: ${value}.` : '';
};

/** Returns the subject of a message: the workflow, or a task by its name, else by its number. */
export const subject = (file: unknown, path: Path): string => {
  const length = ownerPath(path).length;
  if (path.length === 0) return 'The workflow';
  if (length === 0) {
    return path.length === 1 && path[0] === 'tasks'
      ? 'The list of tasks'
      : `The workflow, under "${path.map(String).join('.')}",`;
  }
  const what = path[length - 3] === 'handlers' ? 'Handler' : 'Task';
  const name = valueAt(file, [...path.slice(0, length), 'name']);
  const task =
    typeof name === 'string' && name !== '' ? `${what} "${name}"` : `${what} number ${Number(path[length - 1]) + 1}`;
  return path.length === length ? task : `${task}, under "${path.slice(length).map(String).join('.')}",`;
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
  const text = (typeof value === 'number' ? String(value) : JSON.stringify(value)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
