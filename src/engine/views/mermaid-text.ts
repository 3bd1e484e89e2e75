/** Escapes a text so that Mermaid shows it literally, in a quoted label and in a title. */
export const mermaidText = (text: string): string =>
  text.replace(/\p{Cc}+/gu, ' ').replace(SPECIAL, (character) => `#${NAMED[character] ?? character.charCodeAt(0)};`);

const NAMED: Readonly<Record<string, string>> = { '"': 'quot', '<': 'lt', '>': 'gt', '&': 'amp' };

const SPECIAL = new RegExp(
  [
    /["#$%&*:;<>@[\\\]`{|}~]/, // quotes, entities, comments, directives, icons, formulas, HTML and most of Markdown
    /(?<![a-z0-9])_|_(?![a-z0-9])/, // emphasis
    /^\s|(?<=^\s*)[-+]|(?<=^\s*\d+)[.)]/, // code and lists of Markdown
    /(?<=www)\./, // links
    /(?<=directio)n(?=\s)/, // `direction TB` turns the chart, even from within quotes
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
);
