import { Link } from 'wouter';
import { useParameters } from '../address/parameters.ts';
import { request } from '../api/request.ts';
import { serverNow } from '../api/server-time.ts';
import { usePolled } from '../api/use-polled.ts';
import { taskHref } from '../shell/links.tsx';
import { Page } from '../shell/page.tsx';
import { useSession } from '../shell/session.tsx';
import { agoText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import { CompleteForm } from '../units/complete-form.tsx';
import { pathOfUnit } from '../units/unit-id.ts';
import { ExhaustedTasks } from './exhausted-tasks.tsx';

export type WaitingUnit = {
  readonly id: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly topic?: string;
  readonly name: string;
  readonly owner?: string;
  readonly state: string;
  readonly worker?: string;
  readonly readySince?: number;
};

type UnitsPage = { readonly items: readonly WaitingUnit[]; readonly nextCursor: string | null };

const MOST_UNITS = 200;

const unitsIn = (state: string, owner: string | null, signal: AbortSignal): Promise<UnitsPage> =>
  request<UnitsPage>('/units', { query: { state, limit: MOST_UNITS, owner: owner ?? undefined }, signal });

/** Work that waits for people, by who may do it, and tasks whose last retry has failed. All of it is done here. */
export const WaitingPage = () => {
  const [query, change] = useParameters();
  const owner = query.get('owner') || null;
  const { value, error, reload } = usePolled(`waiting ${owner}`, async (signal) => {
    const [ready, claimed] = await Promise.all([unitsIn('ready', owner, signal), unitsIn('claimed', owner, signal)]);
    // Between the answers somebody may have claimed one, which then is in both.
    const units = new Map([...ready.items, ...claimed.items].map((unit) => [unit.id, unit]));
    return { units: [...units.values()], isAll: ready.nextCursor === null && claimed.nextCursor === null };
  });
  const { may } = useSession();
  const open = query.get('unit');
  const byOwner = Map.groupBy(value?.units ?? [], (unit) => unit.owner ?? '');
  return (
    <Page
      title="Waiting for people"
      error={error}
      isLoading={value === undefined}
      tools={
        owner === null ? null : (
          <button type="button" className="chip on" onClick={() => change({ owner: undefined })}>
            for {owner} <span aria-hidden="true">✕</span>
            <span className="unseen">: show all owners</span>
          </button>
        )
      }
    >
      {[...byOwner].map(([name, units]) => (
        <section key={name} className="group">
          <h2>
            {name === '' ? 'For operators' : `For ${name}`}{' '}
            <span className="dim small">{countText(units.length, 'unit')}</span>
          </h2>
          <ul>
            {units.map((unit) => (
              <Unit
                key={unit.id}
                unit={unit}
                isOpen={open === unit.id}
                onToggle={() => change({ unit: open === unit.id ? undefined : unit.id })}
                onDone={reload}
              />
            ))}
          </ul>
        </section>
      ))}
      {value?.isAll === false ? <p className="dim">and more, which come once these are done</p> : null}
      {may('viewer') ? <ExhaustedTasks /> : null}
      {open !== null && value?.isAll && !value.units.some(({ id }) => id === open) ? (
        <p className="dim" role="status">
          What was open here is done, or waits for nobody now.
        </p>
      ) : null}
      {value?.units.length === 0 ? <p className="dim">No unit waits for anybody.</p> : null}
    </Page>
  );
};

type UnitProps = {
  readonly unit: WaitingUnit;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly onDone: () => void;
};

const Unit = ({ unit, isOpen, onToggle, onDone }: UnitProps) => {
  const { may } = useSession();
  const path = pathOfUnit(unit.id);
  const where = [unit.topic, unit.jobName, path].filter((one) => one !== undefined).join(' / ');
  return (
    <li className="entry">
      <div className="entry-line">
        <button type="button" className="task-link" aria-expanded={isOpen} onClick={onToggle}>
          <b className="cut">{unit.name}</b>
        </button>
        <span className="dim">{unit.worker === undefined ? 'ready' : `${unit.worker} works on it`}</span>
        {unit.readySince === undefined ? null : <span className="dim">{agoText(serverNow() - unit.readySince)}</span>}
        {may('viewer') ? (
          <Link href={taskHref(unit.jobId, path)} className="cut">
            {where}
          </Link>
        ) : (
          <span className="cut dim">{where}</span>
        )}
        <code className="dim cut">{unit.jobId}</code>
      </div>
      {isOpen ? <CompleteForm jobId={unit.jobId} path={path} state={unit.state} onDone={onDone} /> : null}
    </li>
  );
};
