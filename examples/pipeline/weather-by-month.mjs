// The mean month of each city.

import { readJson, writeCsv } from './lib/files.mjs';
import { integer } from './lib/numbers.mjs';
import { groupBy, mean, round, sum } from './lib/stats.mjs';

const WET_DAY_MM = 1; // The World Meteorological Organization counts a day as wet from 1 mm on.

const days = readJson('clean/weather.json');
const months = [...groupBy(days, ({ city, date }) => `${city}|${date.slice(5, 7)}`)].map(([key, group]) => {
  const [city, month] = key.split('|');
  const years = new Set(group.map(({ date }) => date.slice(0, 4))).size;
  return {
    city,
    month: Number(month),
    days: group.length,
    mean_high_c: round(mean(group.map(({ highC }) => highC)), 1),
    mean_low_c: round(mean(group.map(({ lowC }) => lowC)), 1),
    precipitation_mm: round(sum(group.map(({ rainMm }) => rainMm)) / years, 3),
    wet_days: round(group.filter(({ rainMm }) => rainMm >= WET_DAY_MM).length / years, 2),
    mean_wind_kmh: round(mean(group.map(({ windKmh }) => windKmh)), 1),
  };
});
months.sort((a, b) => a.city.localeCompare(b.city, 'en') || a.month - b.month);
const written = writeCsv('weather-by-month.csv', months);
console.log(`${integer(days.length)} days in ${months.length} months of the cities`);
console.log(`wrote ${written}`);
