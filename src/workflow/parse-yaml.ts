import { type Document, parseDocument, type YAMLError } from 'yaml';
import { type InspectedNodes, inspectNodes } from './inspect-nodes.ts';
import type { PlacedProblem, Source } from './source.ts';

export type ParsedYaml = InspectedNodes & {
  readonly document: Document.Parsed;
  /** Whether `document.toJS()` gives a usable value despite the problems. */
  readonly readable: boolean;
};

/** Parses a file of one YAML document and reports its YAML problems. */
export const parseYaml = (source: Source): ParsedYaml => {
  const document = parseDocument(source.text, {
    lineCounter: source.counter,
    merge: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const wrong = syntaxProblems([...document.errors, ...document.warnings], source);
  if (wrong.length > 0) return { document, problems: wrong, aliases: new Map(), readable: false };
  const { problems, aliases } = inspectNodes(document, source);
  return { document, problems, aliases, readable: problems.every(({ code }) => code === 'DUPLICATE_KEY') };
};

const syntaxProblems = (errors: readonly YAMLError[], { problemAt }: Source): readonly PlacedProblem[] => {
  const tooDeep = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  // The file is nested too deeply, so the parser's other errors make no sense.
  if (tooDeep) return [problemAt(tooDeep.pos[0], 'TOO_DEEP', TOO_DEEP)];
  // A mistake may cause errors below it, and a tab also above it. If there are tabs, report only the tabs.
  const tabs = errors.filter(({ message }) => message.startsWith('Tabs are not allowed'));
  return (tabs.length > 0 ? tabs : errors).slice(0, MAX_SYNTAX_PROBLEMS).map(({ message, pos }) => {
    const remedy = REMEDIES.find(([start]) => message.startsWith(start))?.[1] ?? '';
    return problemAt(pos[0], 'YAML_SYNTAX', `${message.replace(/[.:;]?$/, '.')}${remedy && ` ${remedy}`}`);
  });
};

const MAX_SYNTAX_PROBLEMS = 10;

export const TOO_DEEP = 'Lists or mappings are nested too deeply to be read. Nest fewer of them.';

/** How to fix an error, by the start of the parser's message. The remedy is appended to the message. */
const REMEDIES: readonly (readonly [start: string, remedy: string])[] = [
  ['Alias cannot be an empty', 'Put it in quotes.'],
  ['All mapping items', 'Line it up with its neighbours.'],
  ['Flow ', 'Is a bracket not closed, or closed by the wrong one?'],
  ['Implicit keys need to be on a single line', 'Is a ":" missing, or is the next line indented too far?'],
  ['Implicit map keys need', 'Is the ":" after it missing?'],
  ['Invalid escape', 'Double the backslash, or use single quotes.'],
  ['Missing closing', 'The quote is opened somewhere above.'],
  ['Nested mappings', 'Put text with ": " in it in quotes, or line the next line up.'],
  ['Plain value cannot', 'Put it in quotes.'],
  ['Sequence item without', 'Line it up with the keys above it, or begin it with "- ".'],
  ['Source contains multiple', 'A workflow file holds one: remove the "---" between them.'],
  ['Tabs are not allowed', 'Indent with spaces.'],
  ['Unexpected scalar at node end', 'Put the whole text in quotes.'],
  ['Unresolved tag', 'Remove the tag, or put the text in quotes.'],
];
