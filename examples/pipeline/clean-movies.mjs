// Movies with a title, a date and a box office: gross in millions of dollars, centuries and letters put right.

import { isoDate, MONTHS } from './lib/dates.mjs';
import { readJson, writeJson, writeRows } from './lib/files.mjs';
import { describe, repeated, sift } from './lib/sift.mjs';

const LAST_YEAR = 2011; // Later dates are older movies whose year was stored with two digits: "Gone with the Wind", 2039.

// These letters of a Latin-1 text were once read as Mac Roman: "LÈon" is "Léon".
const GARBLED = {
  È: 'é',
  Ë: 'è',
  Í: 'ê',
  Î: 'ë',
  '‡': 'à',
  '·': 'á',
  '‰': 'ä',
  Ù: 'ô',
  Û: 'ó',
  '˘': 'ù',
  Ω: '½',
  Ö: '…',
};

const raw = readJson('raw/movies.json');
const { kept, dropped } = sift(raw.map(parse), {
  'without a title': (movie) => movie.title === '',
  'without a valid date': (movie) => movie.date === undefined,
  'without a US gross': (movie) => !(movie.usGrossMillion > 0),
  repeated: repeated((movie) => `${movie.title} ${movie.date}`),
});
const movies = kept.map(({ repairs, ...movie }) => movie);
const repaired = {
  'release years a century late': kept.filter(({ repairs }) => repairs.century).length,
  'garbled titles': kept.filter(({ repairs }) => repairs.letters).length,
};
const quality = { read: raw.length, kept: movies.length, dropped, repaired };
writeJson('quality/movies.json', quality);
const written = writeRows('clean/movies.json', movies);
console.log(describe('movies', quality));
console.log(`wrote ${written}`);

function parse(row) {
  const stored = String(row.Title ?? '').trim(); // "300" and "1776" are stored as numbers
  const title = stored.replace(/\P{ASCII}/gu, (letter) => GARBLED[letter] ?? letter);
  const [month, day, storedYear] = String(row['Release Date']).split(' ');
  const year = Number(storedYear) > LAST_YEAR ? Number(storedYear) - 100 : Number(storedYear);
  return {
    title,
    date: isoDate(year, MONTHS.indexOf(month) + 1, day),
    genre: row['Major Genre'] ?? 'Unclassified',
    usGrossMillion: row['US Gross'] / 1e6, // 0 and null both mean unknown
    imdb: row['IMDB Rating'],
    rottenTomatoes: row['Rotten Tomatoes Rating'],
    repairs: { century: year !== Number(storedYear), letters: title !== stored },
  };
}
