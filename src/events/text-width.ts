/** Returns how many terminal columns a text takes: none for combining marks, two for wide characters and emoji. */
export const textWidth = (text: string): number => (isAscii(text) ? text.length : sum(charactersOf(text)));

/** If a text is too wide, cuts out its middle, because similar names tend to differ at their ends. */
export const cutMiddle = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text;
  const characters = charactersOf(text);
  const head = takeColumns(characters, Math.ceil((width - 1) / 2));
  const tail = takeColumns(characters.slice(head.length).reverse(), width - 1 - sum(head));
  return [...head, '…', ...tail.reverse()].join('');
};

export const cutEnd = (text: string, width: number): string =>
  textWidth(text) <= width ? text : `${takeColumns(charactersOf(text), width - 1).join('')}…`;

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - textWidth(text)));

const takeColumns = (characters: readonly string[], width: number): string[] => {
  let left = width;
  const end = characters.findIndex((character) => {
    left -= widthOf(character);
    return left < 0;
  });
  return end < 0 ? [...characters] : characters.slice(0, end);
};

const sum = (characters: readonly string[]): number =>
  characters.reduce((width, character) => width + widthOf(character), 0);

/** Created at first use: it takes some ms, and ASCII text never needs it. */
let segmenter: Intl.Segmenter | undefined;

const charactersOf = (text: string): readonly string[] => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
};

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text);

const widthOf = (grapheme: string): number => {
  if (/^[\p{M}\p{Cf}\p{Cc}]/u.test(grapheme)) return 0;
  return WIDE.test(grapheme) || grapheme.includes('\uFE0F') ? 2 : 1;
};

/** Matches emoji, and the scripts and forms that are wide by Unicode's East Asian Width. */
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
