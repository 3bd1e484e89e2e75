// Weather, one row per city and day: numbers parsed, wind in km/h; temperatures are °C and precipitation mm already.

import { isoDate } from './lib/dates.mjs';
import { readJson, writeJson, writeRows } from './lib/files.mjs';
import { describe, repeated, sift } from './lib/sift.mjs';

const KM_PER_HOUR = 3.6; // in one metre per second

const raw = readJson('raw/weather.json');
const { kept, dropped } = sift(raw.map(parse), {
  'without a city': (day) => day.city === '',
  'without a valid date': (day) => day.date === undefined,
  'without a measurement': (day) => [day.highC, day.lowC, day.rainMm, day.windKmh].some(Number.isNaN),
  'colder by day than by night': (day) => day.highC < day.lowC,
  'with negative rain or wind': (day) => day.rainMm < 0 || day.windKmh < 0,
  repeated: repeated((day) => `${day.city} ${day.date}`),
});
const quality = { read: raw.length, kept: kept.length, dropped };
writeJson('quality/weather.json', quality);
const written = writeRows('clean/weather.json', kept);
console.log(describe('weather', quality));
console.log(`wrote ${written}`);

function parse(row) {
  return {
    city: row.location.trim(),
    date: isoDate(...row.date.split('-')),
    highC: measurement(row.temp_max),
    lowC: measurement(row.temp_min),
    rainMm: measurement(row.precipitation),
    windKmh: Math.round(measurement(row.wind) * KM_PER_HOUR * 100) / 100,
  };
}

function measurement(text) {
  return text.trim() === '' ? Number.NaN : Number(text);
}
