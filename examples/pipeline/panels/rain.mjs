import { MONTHS } from '../lib/dates.mjs';
import { integer } from '../lib/numbers.mjs';
import { sumOf } from '../lib/stats.mjs';
import { INK, line, linear, steps, tag, text } from '../lib/svg.mjs';

const COLOURS = { Seattle: '#2b6ca3', 'New York': '#e08a2e' };
const LEFT = 46;
const TOP = 108;
const BOTTOM = 316;

/** Rain and snow by month in both cities, as pairs of bars. */
export const rainPanel = (months, width) => {
  const cities = Object.keys(COLOURS);
  const ticks = steps(0, Math.max(...months.map(({ precipitation_mm }) => Number(precipitation_mm))), 50);
  const y = linear([0, ticks.at(-1)], [BOTTOM, TOP]);
  const pitch = (width - LEFT) / 12;
  const thickness = pitch * 0.38;
  return {
    title: 'Rain and snow by month',
    subtitle: 'Mean of 2012 to 2015; a day is wet from 1 mm on',
    body: [
      cities.map((city, index) => legend(city, months, index)),
      ticks.map((value) => line(LEFT, y(value), width, y(value))),
      ticks.map((value) => text(LEFT - 8, y(value) + 4, value, { 'text-anchor': 'end' })),
      text(LEFT - 8, TOP - 14, 'mm', { 'text-anchor': 'end' }),
      months.map(({ city, month, precipitation_mm }) => {
        const x = LEFT + (Number(month) - 0.5) * pitch + (cities.indexOf(city) - 1) * thickness;
        const height = BOTTOM - y(Number(precipitation_mm));
        return tag('rect', { x, y: BOTTOM - height, width: thickness - 1, height, fill: COLOURS[city] });
      }),
      MONTHS.map((month, index) => text(LEFT + (index + 0.5) * pitch, BOTTOM + 18, month, { 'text-anchor': 'middle' })),
      line(LEFT, BOTTOM, width, BOTTOM, INK),
    ].flat(),
  };
};

/** A city's colour and what its year adds up to. */
const legend = (city, months, index) => {
  const own = months.filter((month) => month.city === city);
  const total = (column) => integer(sumOf(own, column));
  const foot = 60 + index * 19;
  return [
    tag('rect', { x: LEFT, y: foot - 10, width: 11, height: 11, rx: 2, fill: COLOURS[city] }),
    text(LEFT + 18, foot, `${city}: ${total('precipitation_mm')} mm a year, on ${total('wet_days')} wet days`, {
      fill: INK,
    }),
  ].join('');
};
