// Flights between known airports: ISO dates, distances in km, checked against the airports' coordinates.

import { isoDate } from './lib/dates.mjs';
import { readJson, writeJson, writeRows } from './lib/files.mjs';
import { describe, sift } from './lib/sift.mjs';

const KM_PER_MILE = 1.609344;
const EARTH_RADIUS_KM = 6371;

const airports = new Map(readJson('raw/airports.json').map((airport) => [airport.iata, airport]));
const raw = readJson('raw/flights.json');
const { kept, dropped } = sift(raw.map(parse), {
  'without a valid departure': (flight) => flight.date === undefined || !(flight.hour < 24),
  'without a delay': (flight) => !Number.isFinite(flight.delayMin),
  'of an unknown airport': (flight) => !airports.has(flight.origin) || !airports.has(flight.destination),
  'with a distance that does not fit the map': (flight) => !fitsTheMap(flight),
});
const quality = { read: raw.length, kept: kept.length, dropped };
writeJson('quality/flights.json', quality);
const written = writeRows('clean/flights.json', kept);
console.log(describe('flights', quality));
console.log(`wrote ${written}`);

/** "2001/01/01 00:47" is when the flight left, by the clock of its origin; the delay is that of its arrival. */
function parse({ date, delay, distance, origin, destination }) {
  const [, year, month, day, hour] = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):[0-5]\d$/.exec(date) ?? [];
  return {
    date: isoDate(year, month, day),
    hour: Number(hour),
    delayMin: delay,
    distanceKm: Math.round(distance * KM_PER_MILE * 10) / 10,
    origin,
    destination,
  };
}

/** Within 2 % or 30 km of the great circle between the two airports. */
function fitsTheMap({ origin, destination, distanceKm }) {
  const expected = greatCircleKm(airports.get(origin), airports.get(destination));
  return Math.abs(distanceKm - expected) <= Math.max(30, 0.02 * expected);
}

/** The haversine formula. */
function greatCircleKm(from, to) {
  const radians = (degrees) => (Number(degrees) * Math.PI) / 180;
  const [north, east] = ['latitude', 'longitude'].map((axis) => radians(to[axis]) - radians(from[axis]));
  const cosines = Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude));
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.sin(north / 2) ** 2 + cosines * Math.sin(east / 2) ** 2));
}
