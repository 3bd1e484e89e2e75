import { table } from '../lib/markdown.mjs';
import { decimal, integer } from '../lib/numbers.mjs';

const YEARS_SHOWN = 10;

/** What movies earned and how they were rated, by genre and by year. */
export const moviesSection = (genres, years) => [
  '## Movies',
  'US gross in millions of dollars of the release year, not adjusted for inflation; the median movie of each genre:',
  table(
    genres.map(({ genre, movies, median_us_gross_musd, mean_imdb, mean_rotten_tomatoes }) => ({
      Genre: genre,
      Movies: integer(movies),
      'Median gross (M$)': decimal(median_us_gross_musd, 2),
      IMDb: decimal(mean_imdb, 2),
      'Rotten Tomatoes (%)': decimal(mean_rotten_tomatoes, 1),
    })),
  ),
  `The last ${YEARS_SHOWN} years in the data, and the movie of each that earned most:`,
  table(
    years.slice(-YEARS_SHOWN).map(({ year, movies, us_gross_musd, mean_imdb, top_movie, top_us_gross_musd }) => ({
      Year: year,
      Movies: integer(movies),
      'Gross (M$)': integer(us_gross_musd),
      IMDb: decimal(mean_imdb, 2),
      'Top movie': top_movie,
      'Its gross (M$)': integer(top_us_gross_musd),
    })),
  ),
];
