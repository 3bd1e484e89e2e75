import { INK, line, linear, steps, tag, text } from './svg.mjs';

const HALO = { 'paint-order': 'stroke', stroke: '#ffffff', 'stroke-width': 4 }; // keeps grid lines out of figures

/**
 * Horizontal bars, one below the other, with an axis at the foot.
 * A row: `label`, `value`, the value as `shown` at the bar's end, an optional `note` at the right edge, and whether it is `lit`.
 */
export const horizontalBars = (
  rows,
  { left, right, top, bottom, step, axisTitle, labelTitle, noteTitle = '', colour, litColour },
) => {
  const plotRight = right - (noteTitle === '' ? 56 : 88); // room for what is shown at the bars' ends
  const ticks = steps(0, Math.max(...rows.map(({ value }) => value)), step);
  const x = linear([0, ticks.at(-1)], [left, plotRight]);
  const pitch = (bottom - top) / rows.length;
  const thickness = pitch * 0.68;
  return [
    ticks.map((value) => line(x(value), top, x(value), bottom)),
    ticks.map((value) => text(x(value), bottom + 18, value, { 'text-anchor': 'middle' })),
    text((left + plotRight) / 2, bottom + 39, axisTitle, { 'text-anchor': 'middle' }),
    text(left - 8, top - 6, labelTitle, { 'text-anchor': 'end' }),
    text(right, top - 6, noteTitle, { 'text-anchor': 'end' }),
    rows.map(({ label, value, shown, note = '', lit = false }, index) => {
      const y = top + index * pitch + (pitch - thickness) / 2;
      const foot = y + thickness / 2 + 4.5;
      return [
        text(left - 8, foot, label, { 'text-anchor': 'end', fill: INK }),
        tag('rect', { x: left, y, width: x(value) - left, height: thickness, rx: 2, fill: lit ? litColour : colour }),
        text(x(value) + 6, foot, shown, { fill: INK, 'font-weight': lit ? 700 : 400, ...HALO }),
        text(right, foot, note, { 'text-anchor': 'end', fill: INK }),
      ];
    }),
    line(left, top, left, bottom, INK),
  ].flat(2);
};
