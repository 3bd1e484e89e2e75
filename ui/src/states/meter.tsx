import { BY_PROGRESS } from '../../../src/engine/views/palette.ts';
import { wordOf } from './states.ts';

export type StateCounts = Readonly<Partial<Record<(typeof BY_PROGRESS)[number], number>>>;

/** A bar of the states of many tasks, as wide as their shares; what is rare stays visible. */
export const Meter = ({ counts, thin = false }: { readonly counts: StateCounts; readonly thin?: boolean }) => {
  const shown = BY_PROGRESS.filter((state) => (counts[state] ?? 0) > 0);
  const label = shown.map((state) => `${counts[state]} ${wordOf(state)}`).join(', ');
  return (
    <span className={thin ? 'meter thin' : 'meter'} role="img" aria-label={label === '' ? 'no tasks' : label}>
      {shown.length === 0 ? <i className="fill-unscheduled" style={{ flexGrow: 1 }} /> : null}
      {shown.map((state) => (
        <i key={state} className={`fill-${state}`} style={{ flexGrow: counts[state] ?? 0, minWidth: 3 }} />
      ))}
    </span>
  );
};
