import { existsSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { formatCsv, parseCsv } from './csv.mjs';

const outputFolder = new URL('../../output/', import.meta.url);

/** Ends the script with exit code 1 and one line that says why. */
export const fail = (message) => {
  writeSync(2, `error: ${message}\n`);
  process.exit(1);
};

/** A file of the npm package vega-datasets, as text; `path` starts at the package's folder. */
export const readSource = (path) => {
  let entry;
  try {
    entry = import.meta.resolve('vega-datasets'); // <package>/build/index.js
  } catch {
    fail('the package vega-datasets is not installed; run "npm install" in the folder of the project');
  }
  return read(new URL(`../${path}`, entry), `vega-datasets/${path}`, 'install the package again');
};

export const readJson = (path) => JSON.parse(readOutput(path));
export const readCsv = (path) => parseCsv(readOutput(path));
export const hasOutput = (path) => existsSync(new URL(path, outputFolder));

export const writeJson = (path, value) => writeText(path, `${JSON.stringify(value, null, 2)}\n`);
/** JSON with one row on each line. */
export const writeRows = (path, rows) =>
  writeText(path, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
export const writeCsv = (path, rows) => writeText(path, formatCsv(rows));

/** Writes a file below output/ and yields the path to print. */
export const writeText = (path, text) => {
  const file = new URL(path, outputFolder);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
  return `output/${path}`;
};

const readOutput = (path) => read(new URL(path, outputFolder), `output/${path}`, 'run the task that writes it first');

const read = (url, name, remedy) => {
  try {
    return readFileSync(url, 'utf8');
  } catch (error) {
    return fail(`${name} cannot be read (${error.code}); ${remedy}`);
  }
};
