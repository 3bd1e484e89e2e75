// Arrival delays by the hour in which flights left. An hour late in the evening also holds the flights that left late.

import { delayFigures } from './lib/delays.mjs';
import { readJson, writeCsv } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';
import { groupBy } from './lib/stats.mjs';

const flights = readJson('clean/flights.json');
const hours = [...groupBy(flights, ({ hour }) => hour)]
  .map(([hour, group]) => ({ hour, ...delayFigures(group) }))
  .sort((a, b) => a.hour - b.hour);
const written = writeCsv('delays-by-hour.csv', hours);
console.log(`${integer(flights.length)} flights in ${hours.length} hours of the day`);
console.log(`wrote ${written}`);
