import { mean, median, percent, round, sum, sumOf } from './stats.mjs';

const LATE_MIN = 15; // The US Department of Transportation counts a flight as late from 15 minutes on.

/** What the tables of flights say about a group of flights; early arrivals count as negative delays. */
export const delayFigures = (flights) => {
  const delays = flights.map(({ delayMin }) => delayMin);
  const late = delays.filter((delay) => delay >= LATE_MIN).length;
  return {
    flights: delays.length,
    late,
    late_percent: round(percent(late, delays.length), 1),
    total_delay_min: sum(delays),
    mean_delay_min: round(mean(delays), 1),
    median_delay_min: round(median(delays), 1),
  };
};

/** The same figures for several rows of those tables taken together. */
export const combineDelays = (rows) => {
  const flights = sumOf(rows, 'flights');
  return {
    flights,
    latePercent: percent(sumOf(rows, 'late'), flights),
    meanDelayMin: sumOf(rows, 'total_delay_min') / flights,
  };
};
