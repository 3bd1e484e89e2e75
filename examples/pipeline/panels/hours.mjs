import { combineDelays } from '../lib/delays.mjs';
import { INK, line, linear, MUTED, signed, steps, tag, text } from '../lib/svg.mjs';

const COLOUR = '#a4423f';
const MIN_FLIGHTS = 100; // An hour with fewer says little about its mean.
const AXIS_TITLE = `hour of departure, local time (hours with ${MIN_FLIGHTS} flights or more)`;
const LEFT = 46;
const TOP = 76;
const BOTTOM = 316;

/** Mean arrival delay over the hours of the day, with the mean of all flights for comparison. */
export const hoursPanel = (hours, width) => {
  const points = hours
    .filter(({ flights }) => flights >= MIN_FLIGHTS)
    .map((hour) => ({ hour: Number(hour.hour), delay: Number(hour.mean_delay_min) }));
  const overall = combineDelays(hours).meanDelayMin;
  const delays = points.map(({ delay }) => delay);
  const ticks = steps(Math.min(...delays), Math.max(...delays), 5);
  const x = linear([points[0].hour, points.at(-1).hour], [LEFT + 14, width - 14]);
  const y = linear([ticks[0], ticks.at(-1)], [BOTTOM, TOP]);
  const best = points.reduce((least, point) => (point.delay < least.delay ? point : least));
  const worst = points.reduce((most, point) => (point.delay > most.delay ? point : most));
  const path = points.map(({ hour, delay }) => `${x(hour).toFixed(2)},${y(delay).toFixed(2)}`).join(' ');
  return {
    title: 'Delays through the day',
    subtitle: 'Mean arrival delay of US flights, January to March 2001',
    body: [
      ticks.map((value) => line(LEFT, y(value), width, y(value))),
      ticks.map((value) => text(LEFT - 8, y(value) + 4, signed(value), { 'text-anchor': 'end' })),
      text(LEFT - 8, TOP - 14, 'min', { 'text-anchor': 'end' }),
      points
        .filter(({ hour }) => hour % 3 === 0)
        .map(({ hour }) => text(x(hour), BOTTOM + 18, `${hour}:00`, { 'text-anchor': 'middle' })),
      text((LEFT + width) / 2, BOTTOM + 39, AXIS_TITLE, { 'text-anchor': 'middle' }),
      line(LEFT, y(0), width, y(0), INK),
      text(width, y(0) + 15, 'on time', { 'text-anchor': 'end' }),
      line(LEFT, y(overall), width, y(overall), MUTED, { 'stroke-dasharray': '4 4' }),
      text(LEFT + 6, y(overall) - 7, `all flights: ${overall.toFixed(1)} min`),
      tag('polyline', { points: path, fill: 'none', stroke: COLOUR, 'stroke-width': 2.5, 'stroke-linejoin': 'round' }),
      points.map(({ hour, delay }) => tag('circle', { cx: x(hour), cy: y(delay), r: 3.5, fill: COLOUR })),
      text(x(best.hour) + 12, y(best.delay) + 5, spoken(best), { fill: COLOUR, 'font-weight': 700 }),
      text(x(worst.hour) - 12, y(worst.delay) + 1, spoken(worst), {
        fill: COLOUR,
        'font-weight': 700,
        'text-anchor': 'end',
      }),
    ].flat(),
  };
};

const spoken = ({ hour, delay }) =>
  `${hour}:00 to ${hour}:59: ${Math.abs(delay).toFixed(1)} min ${delay < 0 ? 'early' : 'late'}`;
