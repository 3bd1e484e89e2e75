// Arrival delays by airport of origin, joined to the airports' names, cities and states.

import { delayFigures } from './lib/delays.mjs';
import { readJson, writeCsv } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';
import { groupBy, mean, round } from './lib/stats.mjs';

const flights = readJson('clean/flights.json');
const airports = new Map(readJson('raw/airports.json').map((airport) => [airport.iata, airport]));
const origins = [...groupBy(flights, ({ origin }) => origin)].map(([iata, group]) => {
  const { name, city, state } = airports.get(iata);
  return {
    iata,
    name,
    city: known(city),
    state: known(state),
    ...delayFigures(group),
    mean_distance_km: round(mean(group.map(({ distanceKm }) => distanceKm)), 0),
  };
});
origins.sort((a, b) => b.flights - a.flights || a.iata.localeCompare(b.iata, 'en'));
const written = writeCsv('delays-by-airport.csv', origins);
console.log(
  `${integer(flights.length)} flights from ${origins.length} airports, most from ${origins[0].iata} (${integer(origins[0].flights)})`,
);
console.log(`wrote ${written}`);

function known(text) {
  return text === 'NA' ? '' : text;
}
