/**
 * The rows of a CSV text (RFC 4180) as objects keyed by the header; every value is a string.
 * Quoted fields may hold commas, line breaks and doubled quotes.
 */
export const parseCsv = (text) => {
  const [header, ...records] = parseRecords(text);
  return records.map(({ line, fields }) => {
    if (fields.length !== header.fields.length) {
      throw new Error(`line ${line} has ${fields.length} fields where the header has ${header.fields.length}`);
    }
    return Object.fromEntries(header.fields.map((name, column) => [name, fields[column]]));
  });
};

/** CSV with a header row, from objects that all have the keys of the first. */
export const formatCsv = (rows) => {
  const columns = Object.keys(rows[0]);
  return `${[columns, ...rows.map((row) => columns.map((column) => row[column]))].map(formatRecord).join('\n')}\n`;
};

// A field, then what ends it: a comma, a line break or the end of the text.
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;

const parseRecords = (text) => {
  const records = [];
  let record = { line: 1, fields: [] };
  let line = 1;
  FIELD.lastIndex = text.startsWith('\uFEFF') ? 1 : 0;
  while (FIELD.lastIndex < text.length || record.fields.length > 0) {
    const match = FIELD.exec(text);
    if (!match) throw new Error(`line ${line} has a quote that is out of place or never closed`);
    const [whole, quoted, plain, end] = match;
    record.fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split('\n').length - 1;
    if (end === ',') continue;
    if (record.fields.length > 1 || record.fields[0] !== '') records.push(record);
    record = { line, fields: [] };
  }
  return records;
};

const formatRecord = (fields) =>
  fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : String(field))).join(',');
