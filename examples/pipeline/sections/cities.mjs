import { combineDelays } from '../lib/delays.mjs';
import { fail } from '../lib/files.mjs';
import { table } from '../lib/markdown.mjs';
import { decimal, integer } from '../lib/numbers.mjs';
import { sum, sumOf } from '../lib/stats.mjs';

const LAST_WINTER_MONTH = 3; // The flights are of January to March.

/** The winter weather of each city beside the flights from its airports. */
export const citiesSection = (months, airports) => [
  '## Two cities in winter',
  'The weather of January to March (mean of 2012 to 2015) beside the flights of January to March 2001, joined by the city of ' +
    'the airport. The years differ: the table compares places and explains no delay.',
  table([...new Set(months.map(({ city }) => city))].map((city) => compare(city, months, airports))),
];

const compare = (city, months, airports) => {
  const winter = months.filter((month) => month.city === city && month.month <= LAST_WINTER_MONTH);
  const origins = airports.filter((airport) => airport.city === city);
  if (origins.length === 0) fail(`no airport of ${city} is among the origins, so its weather joins no flight`);
  const { flights, latePercent, meanDelayMin } = combineDelays(origins);
  const degreeDays = sum(winter.map(({ days, mean_low_c }) => days * mean_low_c));
  return {
    City: city,
    'Precipitation (mm)': integer(sumOf(winter, 'precipitation_mm')),
    'Wet days': integer(sumOf(winter, 'wet_days')),
    'Mean low (°C)': decimal(degreeDays / sumOf(winter, 'days'), 1),
    Airports: origins.map(({ iata }) => iata).join(', '),
    Flights: integer(flights),
    'Late (%)': decimal(latePercent, 1),
    'Mean delay (min)': decimal(meanDelayMin, 1),
  };
};
