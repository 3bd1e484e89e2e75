const NAMES: Readonly<Record<string, string>> = { quot: '"', lt: '<', gt: '>', amp: '&' };

/** What Mermaid shows for a text with its entities. */
export const shown = (text: string): string =>
  text.replace(/#(\w+);/g, (_, entity: string) => NAMES[entity] ?? String.fromCharCode(Number(entity)));
