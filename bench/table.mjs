/** Rows under a heading, in columns: the first ones to the left, the others to the right. */
export const table = (heading, rows, left = 1) => {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (text, column) => (column < left ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
};
