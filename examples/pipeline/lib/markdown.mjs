/** A table of objects that all have the keys of the first; columns of numbers stand to the right. */
export const table = (rows) => {
  const columns = Object.keys(rows[0]);
  const rule = columns.map((column) => (/^-?[\d,.]+$/.test(rows[0][column]) ? '---:' : '---'));
  const lines = [columns, rule, ...rows.map((row) => columns.map((column) => escapeCell(row[column])))];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
};

const escapeCell = (value) => String(value).replaceAll('|', '\\|');
