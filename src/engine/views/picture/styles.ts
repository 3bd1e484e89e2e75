import type { TaskState } from '../../../events/event.ts';
import { DARK, GLYPHS, glyphColour, LIGHT, type Theme } from '../palette.ts';
import { FONT, SMALL } from './sizes.ts';

/** Returns the styles of a drawing, for light and dark surroundings. They reach nothing outside the drawing, if it is inside a page. */
export const stylesOf = (): string =>
  [
    `${ROOT}{font:${FONT}px Inter,ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;font-variant-numeric:tabular-nums}`,
    `${ROOT} .heading{font-size:16px;font-weight:600}${ROOT} .name,${ROOT} .title{font-weight:500}${ROOT} .title{font-weight:600}`,
    `${ROOT} .dim,${ROOT} .label{font-size:${SMALL}px}${ROOT} .end{text-anchor:end}`,
    `${ROOT} .edge{fill:none;stroke-width:1.2}${ROOT} .ring{fill:none;stroke-width:2}${ROOT} .stroke{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}`,
    rulesOf(LIGHT),
    `@media(prefers-color-scheme:dark){${rulesOf(DARK)}}`,
  ].join('\n');

/** The class of the drawing. */
export const DRAWING = 'tintype-graph';

const ROOT = `.${DRAWING}`;

const rulesOf = (theme: Theme): string =>
  [
    `${ROOT} .page{fill:${theme.page}}`,
    `${ROOT} text{fill:${theme.text}}${ROOT} text.dim{fill:${theme.dim}}${ROOT} text.bad{fill:${theme.failedText}}`,
    `${ROOT} .card{fill:${theme.card};stroke:${theme.border}}${ROOT} .around{fill:${theme.panel}}`,
    `${ROOT} .edge{stroke:${theme.wire}}${ROOT} .plain{fill:${theme.faint}}`,
    ...(Object.keys(GLYPHS) as TaskState[]).map((state) => {
      const colour = theme.states[state];
      const glyph = glyphColour(colour);
      const isRing = state === 'running' ? `${ROOT} .ring.running{fill:none;stroke:${colour}}` : '';
      return `${ROOT} .${state}{fill:${colour}}${isRing}${ROOT} .on-${state}{stroke:${glyph}}${ROOT} .solid.on-${state}{fill:${glyph};stroke:none}`;
    }),
    `${ROOT} path.on-failed:not(.stroke){fill:none;stroke-width:1.2}`,
  ].join('');
