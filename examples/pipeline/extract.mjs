// Reads one data set of vega-datasets, checks its columns and its number of rows, and stores the rows as JSON.
// Usage: node pipeline/extract.mjs weather|flights|airports|movies

import { parseCsv } from './lib/csv.mjs';
import { fail, readSource, writeRows } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';

const sources = {
  weather: {
    file: 'weather.csv',
    columns: ['location', 'date', 'precipitation', 'temp_max', 'temp_min', 'wind', 'weather'],
    minRows: 2_000,
  },
  flights: {
    file: 'flights-20k.json',
    columns: ['date', 'delay', 'distance', 'origin', 'destination'],
    minRows: 10_000,
  },
  airports: {
    file: 'airports.csv',
    columns: ['iata', 'name', 'city', 'state', 'country', 'latitude', 'longitude'],
    minRows: 3_000,
  },
  movies: {
    file: 'movies.json',
    columns: ['Title', 'US Gross', 'Release Date', 'Major Genre', 'Rotten Tomatoes Rating', 'IMDB Rating'],
    minRows: 3_000,
  },
};

const [name] = process.argv.slice(2);
const source = sources[name] ?? fail(`name one data set: ${Object.keys(sources).join(', ')}`);
const rows = parse(source.file, readSource(`data/${source.file}`));
check(rows, source);
const written = writeRows(`raw/${name}.json`, rows);
console.log(`${source.file}: ${integer(rows.length)} rows, ${source.columns.length} columns needed, all there`);
console.log(`wrote ${written}`);

function parse(file, text) {
  if (text.trim() === '') fail(`${file} is empty`);
  try {
    return file.endsWith('.csv') ? parseCsv(text) : JSON.parse(text);
  } catch (error) {
    return fail(`${file} cannot be parsed: ${error.message}`);
  }
}

function check(rows, { file, columns, minRows }) {
  if (!Array.isArray(rows)) fail(`${file} is not a list of rows`);
  if (rows.length < minRows) fail(`${file} has ${rows.length} rows, at least ${minRows} are expected`);
  for (const column of columns) {
    const index = rows.findIndex((row) => !Object.hasOwn(row, column));
    if (index !== -1) fail(`${file} lacks the column "${column}" in row ${index + 1}; it needs ${columns.join(', ')}`);
  }
}
