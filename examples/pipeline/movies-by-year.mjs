// Box office and ratings of each year, and the movie that earned most. Gross is in dollars of the year.

import { readJson, writeCsv } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';
import { groupBy, mean, round, sum } from './lib/stats.mjs';

const movies = readJson('clean/movies.json');
const years = [...groupBy(movies, ({ date }) => Number(date.slice(0, 4)))].map(([year, group]) => {
  const top = group.reduce((best, movie) => (movie.usGrossMillion > best.usGrossMillion ? movie : best));
  return {
    year,
    movies: group.length,
    us_gross_musd: round(sum(group.map(({ usGrossMillion }) => usGrossMillion)), 2),
    mean_imdb: round(mean(group.flatMap(({ imdb }) => imdb ?? [])), 2),
    top_movie: top.title,
    top_us_gross_musd: round(top.usGrossMillion, 2),
  };
});
years.sort((a, b) => a.year - b.year);
const written = writeCsv('movies-by-year.csv', years);
console.log(`${integer(movies.length)} movies in ${years.length} years, ${years[0].year} to ${years.at(-1).year}`);
console.log(`wrote ${written}`);
