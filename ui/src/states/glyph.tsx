import { GLYPHS } from '../../../src/engine/views/palette.ts';
import { wordOf } from './states.ts';

/** States of jobs look like those of tasks that mean the same. */
const LIKE: Readonly<Record<string, string>> = { idle: 'unscheduled', draft: 'unscheduled', timedOut: 'failed' };

/** The state of a task that a state of a job, or of a unit, is drawn as. */
export const drawnAs = (state: string): keyof typeof GLYPHS =>
  (LIKE[state] ?? (state in GLYPHS ? state : 'unscheduled')) as keyof typeof GLYPHS;

/** The mark of a state: its colour and its shape. The word stands beside it, or is read out with `named`. */
export const Glyph = ({ state, named = false }: { readonly state: string; readonly named?: boolean }) => {
  const glyph = GLYPHS[drawnAs(state)];
  return (
    <i
      className={`glyph ${drawnAs(state)}`}
      {...(named ? { role: 'img', 'aria-label': wordOf(state) } : { 'aria-hidden': true })}
    >
      <svg viewBox="0 0 12 12" width="11" height="11" aria-hidden="true">
        <path d={glyph.path} className={glyph.solid ? 'solid' : undefined} />
      </svg>
    </i>
  );
};

/** The mark and the word of a state. */
export const StateName = ({ state }: { readonly state: string }) => (
  <span className="state-name">
    <Glyph state={state} />
    {wordOf(state)}
  </span>
);
