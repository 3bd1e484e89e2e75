/** A token of an SQL text, to tell statements and placeholders from strings and comments. */
export type SqlToken = {
  readonly kind: 'word' | 'place' | 'end' | 'other';
  /** A word in upper case; a placeholder as written (`?`, `?2`, `:name`); `;`; empty for a quoted text. */
  readonly text: string;
  /** Offsets in UTF-16 units; `to` is exclusive. */
  readonly from: number;
  readonly to: number;
};

type SqlDialect = 'sqlite' | 'mysql';

/** Splits a text into tokens, without space and comments. An unclosed quote or comment extends to the text's end. */
const scanSql = (text: string, dialect: SqlDialect): readonly SqlToken[] => {
  const tokens: SqlToken[] = [];
  for (let from = 0; from < text.length; ) {
    const skipped = spaceEnd(text, from, dialect);
    if (skipped > from) {
      from = skipped;
      continue;
    }
    const token = tokenAt(text, from, dialect);
    tokens.push(token);
    from = token.to;
  }
  return tokens;
};

export type SqlStatement = {
  readonly text: string;
  /** The offset of its first token in the whole text, in UTF-16 units. */
  readonly from: number;
  readonly keyword: string;
  readonly tokens: readonly SqlToken[];
};

/** Splits a text into its non-empty statements. For SQLite, the body of a trigger is part of its statement. */
export const sqlStatements = (text: string, dialect: SqlDialect): readonly SqlStatement[] => {
  const statements: SqlStatement[] = [];
  let tokens: SqlToken[] = [];
  const finish = (): void => {
    const [first] = tokens;
    const last = tokens.at(-1);
    if (first && last) {
      const keyword = tokens.find(({ kind }) => kind === 'word')?.text ?? '';
      statements.push({ text: text.slice(first.from, last.to), from: first.from, keyword, tokens });
    }
    tokens = [];
  };
  for (const token of scanSql(text, dialect)) {
    if (token.kind !== 'end' || (dialect === 'sqlite' && isTrigger(tokens) && !endsTrigger(tokens))) tokens.push(token);
    else finish();
  }
  finish();
  return statements;
};

/** Whether a statement creates a trigger: then it ends only at `; END ;`. Follows SQLite's sqlite3_complete(). */
const isTrigger = (tokens: readonly SqlToken[]): boolean => {
  const words = tokens.slice(0, 6).map(({ text }) => text);
  if (words[0] === 'EXPLAIN') words.splice(0, words[1] === 'QUERY' ? 3 : 1);
  return words[0] === 'CREATE' && (/^TEMP(ORARY)?$/.test(words[1] ?? '') ? words[2] : words[1]) === 'TRIGGER';
};

const endsTrigger = (tokens: readonly SqlToken[]): boolean =>
  tokens.at(-1)?.text === 'END' && tokens.at(-2)?.kind === 'end';

/** Returns the end of the space or comment at an offset, or the offset itself. */
const spaceEnd = (text: string, from: number, dialect: SqlDialect): number => {
  const space = match(SPACE, text, from);
  if (space) return from + space.length;
  if (text.startsWith('/*', from)) return after(text, '*/', from + 2);
  const line = dialect === 'mysql' ? /#|--(?=\s|$)/y : /--/y;
  return match(line, text, from) === undefined ? from : after(text, '\n', from);
};

const tokenAt = (text: string, from: number, dialect: SqlDialect): SqlToken => {
  const token = (kind: SqlToken['kind'], length: number, shown?: string): SqlToken => {
    const to = from + Math.max(1, length);
    return { kind, text: shown ?? text.slice(from, to), from, to };
  };
  const first = text[from] as string;
  if (first === ';') return token('end', 1);
  const close = first === '[' ? (dialect === 'sqlite' ? ']' : undefined) : QUOTES.has(first) ? first : undefined;
  if (close) return token('other', quotedEnd(text, from, close, dialect === 'mysql' && close !== '`') - from, '');
  const word = match(WORD, text, from);
  if (word) return token('word', word.length, word.toUpperCase());
  const place = match(PLACES[dialect], text, from);
  if (place) return token('place', place.length);
  return token('other', match(NUMBER_OR_VARIABLE, text, from)?.length ?? 1);
};

/** Returns the end of a quoted text. A doubled quote counts as an end and a new start, which makes no difference. */
const quotedEnd = (text: string, from: number, close: string, escapes: boolean): number => {
  if (!escapes) return after(text, close, from + 1);
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === close) return at + 1;
  }
  return text.length;
};

const after = (text: string, end: string, from: number): number => {
  const at = text.indexOf(end, from);
  return at < 0 ? text.length : at + end.length;
};

const match = (pattern: RegExp, text: string, from: number): string | undefined => {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0];
};

const QUOTES: ReadonlySet<string> = new Set(["'", '"', '`']);
const SPACE = /[\s\uFEFF]+/y;
const WORD = /[A-Za-z_\u0080-\uFFFF][\w$\u0080-\uFFFF]*/y;
const NUMBER_OR_VARIABLE = /[0-9][\w.]*|@@?[\w$.\u0080-\uFFFF]+/y;

const PLACES: Readonly<Record<SqlDialect, RegExp>> = {
  sqlite: /\?\d*|[:@$](?:[\w$\u0080-\uFFFF]|::)+/y,
  mysql: /\?|:[A-Za-z_\u0080-\uFFFF][\w\u0080-\uFFFF]*/y,
};
