import { combineDelays } from '../lib/delays.mjs';
import { table } from '../lib/markdown.mjs';
import { decimal, integer } from '../lib/numbers.mjs';

const AIRPORTS_SHOWN = 10;
const PARTS_OF_DAY = {
  'Night, 0 to 5': [0, 5],
  'Morning, 6 to 11': [6, 11],
  'Afternoon, 12 to 17': [12, 17],
  'Evening, 18 to 23': [18, 23],
};

/** How late flights were: in all, by part of the day, and from the busiest airports. */
export const flightsSection = (hours, airports) => {
  const all = combineDelays(airports);
  return [
    '## Flights',
    `Of ${integer(all.flights)} flights from ${airports.length} airports, ${decimal(all.latePercent, 1)} % arrived 15 minutes late or ` +
      `later; the mean delay was ${decimal(all.meanDelayMin, 1)} minutes. The hour is that of the actual departure, so the late ` +
      'hours also hold flights that should have left earlier.',
    table(Object.entries(PARTS_OF_DAY).map(([part, [first, last]]) => partRow(part, hours, first, last))),
    `The ${AIRPORTS_SHOWN} busiest airports of origin:`,
    table(airports.slice(0, AIRPORTS_SHOWN).map(airportRow)),
  ];
};

const partRow = (part, hours, first, last) => {
  const own = hours.filter(({ hour }) => hour >= first && hour <= last);
  const { flights, latePercent, meanDelayMin } = combineDelays(own);
  return {
    Departure: part,
    Flights: integer(flights),
    'Late (%)': decimal(latePercent, 1),
    'Mean delay (min)': decimal(meanDelayMin, 1),
  };
};

const airportRow = ({ iata, name, city, state, flights, late_percent, mean_delay_min, mean_distance_km }) => ({
  Airport: `${name} (${iata})`,
  Place: [city, state].filter((part) => part !== '').join(', '),
  Flights: integer(flights),
  'Late (%)': decimal(late_percent, 1),
  'Mean delay (min)': decimal(mean_delay_min, 1),
  'Mean distance (km)': integer(mean_distance_km),
});
