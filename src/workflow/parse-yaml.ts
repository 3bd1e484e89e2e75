import { Composer, type CST, Document, Parser, type YAMLError, YAMLParseError } from 'yaml';
import { type InspectedNodes, inspectNodes } from './inspect-nodes.ts';
import type { PlacedProblem, Source } from './source.ts';

export type ParsedYaml = InspectedNodes & {
  readonly document: Document.Parsed;
  /** Whether `document.toJS()` gives a usable value despite the problems. */
  readonly readable: boolean;
};

/** Parses a file of one YAML document and reports its YAML problems. */
export const parseYaml = (source: Source): ParsedYaml => {
  const tokens = [...new Parser(source.counter.addNewLine).parse(source.text)];
  const tooDeep = tokenBelow(tokens, MAX_DEPTH);
  if (tooDeep)
    return unreadable(new Document() as Document.Parsed, [source.problemAt(tooDeep.offset, 'TOO_DEEP', TOO_DEEP)]);
  const document = composed(tokens, source.text.length);
  const wrong = syntaxProblems([...document.errors, ...document.warnings], source);
  if (wrong.length > 0) return unreadable(document, wrong);
  const { problems, aliases } = inspectNodes(document, source);
  return { document, problems, aliases, readable: problems.every(({ code }) => code === 'DUPLICATE_KEY') };
};

const unreadable = (document: Document.Parsed, problems: readonly PlacedProblem[]): ParsedYaml => ({
  document,
  problems,
  aliases: new Map(),
  readable: false,
});

/** What `parseDocument` does with the tokens of a text. */
const composed = (tokens: readonly CST.Token[], length: number): Document.Parsed => {
  const composer = new Composer({ merge: true, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  const [document, second] = composer.compose(tokens, true, length) as Iterable<Document.Parsed>;
  if (second)
    (document as Document.Parsed).errors.push(
      new YAMLParseError([second.range[0], second.range[1]], 'MULTIPLE_DOCS', 'Source contains multiple documents'),
    );
  return document as Document.Parsed;
};

/**
 * The most levels of lists and mappings. The composer recurses, and must not be left to overflow the stack: V8 ends the
 * process if it has to compile a regular expression there.
 */
const MAX_DEPTH = 200;

/** Finds a token that is nested deeper than `depth`. */
const tokenBelow = (tokens: readonly CST.Token[], depth: number): CST.Token | undefined => {
  let level = tokens;
  for (let at = 0; at <= depth && level.length > 0; at++) level = level.flatMap(tokensIn);
  return level[0];
};

const tokensIn = (token: CST.Token): readonly CST.Token[] => {
  if (token.type === 'document') return token.value ? [token.value] : [];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }: CST.CollectionItem) => [key, value].filter((one) => one != null));
};

const syntaxProblems = (errors: readonly YAMLError[], { problemAt }: Source): readonly PlacedProblem[] => {
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
