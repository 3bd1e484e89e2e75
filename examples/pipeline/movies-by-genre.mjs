// Box office and ratings of each genre. Gross is in dollars of the release year, so old genres look poorer than they were.

import { readJson, writeCsv } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';
import { groupBy, mean, median, round } from './lib/stats.mjs';

const movies = readJson('clean/movies.json');
const genres = [...groupBy(movies, ({ genre }) => genre)].map(([genre, group]) => ({
  genre,
  movies: group.length,
  median_us_gross_musd: round(median(group.map(({ usGrossMillion }) => usGrossMillion)), 2),
  mean_imdb: round(mean(group.flatMap(({ imdb }) => imdb ?? [])), 2),
  mean_rotten_tomatoes: round(mean(group.flatMap(({ rottenTomatoes }) => rottenTomatoes ?? [])), 1),
}));
genres.sort((a, b) => b.median_us_gross_musd - a.median_us_gross_musd || a.genre.localeCompare(b.genre, 'en'));
const written = writeCsv('movies-by-genre.csv', genres);
console.log(`${integer(movies.length)} movies in ${genres.length} genres`);
console.log(`wrote ${written}`);
