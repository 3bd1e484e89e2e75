import { graphProblems } from './graph-problems.ts';
import { parseYaml, TOO_DEEP } from './parse-yaml.ts';
import { type Place, placeOf } from './place-of.ts';
import { WorkflowError, type WorkflowProblem } from './problem.ts';
import { type Workflow, workflowSchema } from './schema.ts';
import { schemaProblems } from './schema-problems.ts';
import { createSource, type PlacedProblem } from './source.ts';

/** Reads the text of a workflow file. `file` is what errors call it. @throws WorkflowError with all that is wrong */
export const parseWorkflow = (text: string, file: string): Workflow => {
  try {
    const { workflow, problems } = check(text);
    if (workflow && problems.length === 0) return workflow;
    throw new WorkflowError(file, problems);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WorkflowError(file, [{ code: 'TOO_DEEP', message: TOO_DEEP }], { cause: error });
  }
};

const check = (text: string): { workflow?: Workflow; problems: readonly WorkflowProblem[] } => {
  const source = createSource(text);
  const { document, aliases, readable, problems } = parseYaml(source);
  if (!readable) return { problems: inOrder(problems) };

  // Aliases are counted by `parseYaml`: the limit of `toJS` would refuse an anchor that is merged into 100 tasks.
  const content: unknown = document.toJS({ maxAliasCount: -1 });
  if (content === null) return { problems: [EMPTY] };
  const file = withoutExtensions(content);
  const place = (path: readonly PropertyKey[]): Place => placeOf(document.contents, path, aliases);
  const parsed = workflowSchema.safeParse(file);
  const found = [
    ...problems,
    ...schemaProblems(parsed.error?.issues ?? [], file, place, source),
    ...graphProblems(file, place, source),
  ];
  return { ...(parsed.data ? { workflow: parsed.data } : {}), problems: inOrder(found) };
};

const EMPTY: WorkflowProblem = {
  code: 'FILE_EMPTY',
  message: 'The file is empty. A workflow has a name and a list of tasks, each with name, type and command.',
};

/** Without the keys that begin with `x-`, where anchors may be put. */
const withoutExtensions = (file: unknown): unknown =>
  file !== null && typeof file === 'object' && !Array.isArray(file)
    ? Object.fromEntries(Object.entries(file).filter(([key]) => !key.startsWith('x-')))
    : file;

const inOrder = (problems: readonly PlacedProblem[]): readonly WorkflowProblem[] =>
  problems.toSorted((a, b) => a.offset - b.offset).map(({ offset: _, ...problem }) => problem);
