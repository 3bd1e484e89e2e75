import { horizontalBars } from '../lib/bars.mjs';

const MIN_MOVIES = 30; // A genre with fewer says little about its median.

/** What a typical movie of each genre earned, beside what its viewers thought of it. */
export const genresPanel = (genres, width) => {
  const shown = genres.filter(({ genre, movies }) => genre !== 'Unclassified' && movies >= MIN_MOVIES);
  return {
    title: 'Box office and ratings by genre',
    subtitle: 'Typical US gross, in dollars of the release year, and mean rating',
    body: horizontalBars(
      shown.map(({ genre, movies, median_us_gross_musd, mean_imdb }, index) => ({
        label: `${genre} (${movies})`,
        value: Number(median_us_gross_musd),
        shown: `$${Number(median_us_gross_musd).toFixed(1)}M`,
        note: Number(mean_imdb).toFixed(2),
        lit: index === 0,
      })),
      {
        left: 172,
        right: width,
        top: 62,
        bottom: 336,
        step: 20,
        labelTitle: 'genre (movies)',
        axisTitle: 'median US gross, million dollars',
        noteTitle: 'IMDb',
        colour: '#b9a7c9',
        litColour: '#6c4a91',
      },
    ),
  };
};
