import { numberText } from '../text/number.ts';
import { Glyph } from './glyph.tsx';
import { wordOf } from './states.ts';

export type StateFilterProps = {
  /** In their order. */
  readonly states: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly chosen: ReadonlySet<string>;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
  /** What 100 % are; without it no shares are shown. */
  readonly total?: number;
};

/** The counts of states, each a switch that shows these alone. */
export const StateFilter = ({ states, counts, chosen, onChange, total }: StateFilterProps) => {
  const turn = (state: string): void => {
    const next = new Set(chosen);
    if (!next.delete(state)) next.add(state);
    onChange(next);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out in a line in all browsers
    <div className="states" role="group" aria-label="Show only">
      {states
        .filter((state) => (counts[state] ?? 0) > 0 || chosen.has(state))
        .map((state) => (
          <button
            key={state}
            type="button"
            className="state-switch"
            aria-pressed={chosen.has(state)}
            onClick={() => turn(state)}
          >
            <Glyph state={state} />
            {wordOf(state)}
            <b>{numberText(counts[state] ?? 0)}</b>
            {total ? <em>{Math.round(((counts[state] ?? 0) / total) * 100)}%</em> : null}
          </button>
        ))}
    </div>
  );
};
