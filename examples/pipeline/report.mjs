// Checks that the tables account for every cleaned row, then joins them into output/report.md.

import { fail, hasOutput, readCsv, readJson, readSource, writeText } from './lib/files.mjs';
import { sumOf } from './lib/stats.mjs';
import { citiesSection } from './sections/cities.mjs';
import { flightsSection } from './sections/flights.mjs';
import { moviesSection } from './sections/movies.mjs';
import { qualitySection } from './sections/quality.mjs';

const quality = Object.fromEntries(
  ['weather', 'flights', 'movies'].map((name) => [name, readJson(`quality/${name}.json`)]),
);
const months = readTable('weather-by-month.csv', 'days', quality.weather);
const hours = readTable('delays-by-hour.csv', 'flights', quality.flights);
const airports = readTable('delays-by-airport.csv', 'flights', quality.flights);
const genres = readTable('movies-by-genre.csv', 'movies', quality.movies);
const years = readTable('movies-by-year.csv', 'movies', quality.movies);
console.log('5 tables account for every row that was kept');

const { version } = JSON.parse(readSource('package.json'));
const parts = [
  '# Weather, flights and movies',
  `Written by \`examples/pipeline.yaml\` from the data of the npm package vega-datasets ${version}.`,
  hasOutput('overview.svg')
    ? '![Rain by month, delays by hour and by airport, movies by genre](overview.svg)'
    : 'The chart could not be drawn.',
  ...qualitySection(quality),
  ...citiesSection(months, airports),
  ...flightsSection(hours, airports),
  ...moviesSection(genres, years),
];
const written = writeText('report.md', `${parts.join('\n\n')}\n`);
console.log(`wrote ${written}`);

/** A table whose `column` counts cleaned rows, all of which must be there. */
function readTable(file, column, { kept }) {
  const rows = readCsv(file);
  const counted = sumOf(rows, column);
  if (counted !== kept)
    fail(`output/${file} counts ${counted} rows, but ${kept} were kept; run the whole pipeline again`);
  return rows;
}
