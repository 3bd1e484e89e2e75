// Draws the results as one picture of four panels, output/overview.svg.

import { readCsv, writeText } from './lib/files.mjs';
import { group, INK, line, tag, text } from './lib/svg.mjs';
import { airportsPanel } from './panels/airports.mjs';
import { genresPanel } from './panels/genres.mjs';
import { hoursPanel } from './panels/hours.mjs';
import { rainPanel } from './panels/rain.mjs';

const WIDTH = 1080;
const HEIGHT = 980;
const MARGIN = 40;
const PANEL_WIDTH = 470;
const COLUMNS = [MARGIN, WIDTH - MARGIN - PANEL_WIDTH];
const ROWS = [122, 514];
const FONT = 'Helvetica Neue, Helvetica, Arial, DejaVu Sans, sans-serif';
const ORIGINS = 'NOAA (weather), US Bureau of Transportation Statistics (flights), Data.gov (airports)';

const panels = [
  rainPanel(readCsv('weather-by-month.csv'), PANEL_WIDTH),
  hoursPanel(readCsv('delays-by-hour.csv'), PANEL_WIDTH),
  airportsPanel(readCsv('delays-by-airport.csv'), PANEL_WIDTH),
  genresPanel(readCsv('movies-by-genre.csv'), PANEL_WIDTH),
];
const written = writeText('overview.svg', page(panels));
console.log(`drew ${panels.length} panels: ${panels.map(({ title }) => title.toLowerCase()).join(', ')}`);
console.log(`wrote ${written}`);

function page(panels) {
  const title = 'Weather, flights and movies in four pictures';
  const size = { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}` };
  return tag(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', ...size, role: 'img', 'font-family': FONT },
    '\n',
    tag('title', {}, title),
    tag('rect', { width: WIDTH, height: HEIGHT, fill: '#ffffff' }),
    text(MARGIN, 56, title, { 'font-size': 26, 'font-weight': 700, fill: INK }),
    text(MARGIN, 82, 'What examples/pipeline.yaml finds in the public data of the npm package vega-datasets', {
      'font-size': 14,
    }),
    panels.map((panel, index) => group(COLUMNS[index % 2], ROWS[Math.floor(index / 2)], ...frame(panel))),
    line(MARGIN, HEIGHT - 68, WIDTH - MARGIN, HEIGHT - 68),
    text(MARGIN, HEIGHT - 45, 'Source: npm package vega-datasets (BSD-3-Clause), which names as origins'),
    text(MARGIN, HEIGHT - 25, `${ORIGINS}; it names none for the movies.`),
  );
}

function frame({ title, subtitle, body }) {
  return [text(0, 16, title, { 'font-size': 17, 'font-weight': 700, fill: INK }), text(0, 36, subtitle), ...body];
}
