import { Alias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { isPlainObject } from '../events/plain-object.ts';
import { OutputError } from '../executors/process/output-error.ts';
import { compilingOnce } from './expression.ts';
import { graphProblems } from './graph-problems.ts';
import { type Location, locate } from './locate.ts';
import { oddNumbersIn } from './odd-numbers.ts';
import { parseYaml, TOO_DEEP } from './parse-yaml.ts';
import { type Finding, WorkflowError, type WorkflowProblem, type WorkflowWarning } from './problem.ts';
import { referenceProblems } from './reference-problems.ts';
import { scheduleProblems } from './schedule-problems.ts';
import { type Workflow, type WorkflowTask, workflowSchema } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { createSource, type Placed } from './source.ts';
import { warningsOf } from './warnings.ts';

export type ParsedWorkflow = {
  readonly workflow: Workflow;
  readonly warnings: readonly WorkflowWarning[];
  /** Creates a problem located at the value of a path, such as `['tasks', 0, 'file']`. */
  readonly problemAt: (path: readonly PropertyKey[], code: WorkflowProblem['code'], message: string) => WorkflowProblem;
};

/** Parses and checks the text of a workflow file, called `file` in errors. @throws WorkflowError with all problems */
export const parseWorkflow = (text: string, file: string): ParsedWorkflow => {
  try {
    const { parsed, problems } = check(text);
    if (parsed && problems.length === 0) return parsed;
    throw new WorkflowError(file, problems);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WorkflowError(file, [{ code: 'TOO_DEEP', message: TOO_DEEP }], { cause: error });
  }
};

/**
 * Checks tasks that a task of the file has put out, as those of the file are checked; which tasks they may wait for, the
 * job knows. @throws OutputError with all problems
 */
export const parseAddedTasks = (
  tasks: unknown,
  { name, params, secrets, pools, defaults }: Workflow,
): readonly WorkflowTask[] => {
  const { parsed, problems } = check(JSON.stringify({ name, params, secrets, pools, defaults, tasks }), true);
  const found = problems.filter(({ code }) => code !== 'UNKNOWN_DEPENDENCY');
  if (parsed && found.length === 0) return parsed.workflow.tasks;
  throw new OutputError('OUTPUT_UNREADABLE', found.map(({ message }) => message).join(' '));
};

/** `isPart`: whether there are other tasks, which the text does not have. */
const check = (text: string, isPart = false): Checked => compilingOnce(() => checkOnce(text, isPart));

type Checked = { readonly parsed?: ParsedWorkflow; readonly problems: readonly WorkflowProblem[] };

const checkOnce = (text: string, isPart: boolean): Checked => {
  const source = createSource(text);
  const { document, aliases, readable, problems } = parseYaml(source);
  if (!readable) return { problems: inOrder(problems) };

  resolveOnce(aliases);
  // `parseYaml` has already limited aliases. The default limit of `toJS` would reject an anchor that 100 tasks merge.
  const content: unknown = document.toJS({ maxAliasCount: -1 });
  if (content === null) return { problems: [EMPTY] };
  const file = withoutExtensions(content);
  const place = (path: readonly PropertyKey[]): Location => locate(document.contents, path, aliases);
  const { data, error } = workflowSchema.safeParse(file);
  const oddNumbersAt = (path: readonly PropertyKey[]) => oddNumbersIn(place(path).node, aliases);
  const found = [
    ...problems,
    ...schemaProblems(error?.issues ?? [], file, place, source),
    ...referenceProblems(file, place, source, oddNumbersAt, isPart),
    ...graphProblems(file, place, source),
    ...(data ? scheduleProblems(data, file, place, source, oddNumbersAt) : []),
  ];
  if (!data) return { problems: inOrder(found) };
  const problemAt: ParsedWorkflow['problemAt'] = (path, code, message) => {
    const { offset: _, ...problem } = source.problemAt(place(path).value, code, message);
    return problem;
  };
  const warnings = found.length > 0 ? [] : inOrder(warningsOf(file, place, source));
  return { parsed: { workflow: data, warnings, problemAt }, problems: inOrder(found) };
};

/** Makes each alias return the node that it is known to stand for; the library searches all anchors for each alias. */
const resolveOnce = (aliases: ReadonlyMap<Alias, Node>): void => {
  for (const [alias, anchored] of aliases) {
    if (!isScalar(anchored) && !isMap(anchored) && !isSeq(anchored)) continue;
    alias.resolve = (document, context) => {
      const isConverted = context?.anchors.get(anchored)?.res !== undefined;
      return isConverted ? anchored : Alias.prototype.resolve.call(alias, document, context);
    };
  }
};

const EMPTY: WorkflowProblem = {
  code: 'FILE_EMPTY',
  message: 'The file is empty. A workflow has a name and a list of tasks, each with name, type and command.',
};

/** Removes the top-level keys that begin with `x-`: they only hold anchors. */
const withoutExtensions = (file: unknown): unknown =>
  isPlainObject(file) ? Object.fromEntries(Object.entries(file).filter(([key]) => !key.startsWith('x-'))) : file;

const inOrder = <Code extends Finding['code']>(placed: readonly Placed<Code>[]): readonly Finding<Code>[] =>
  placed.toSorted((a, b) => a.offset - b.offset).map(({ offset: _, ...problem }) => problem);
