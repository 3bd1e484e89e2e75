import { Link } from 'wouter';
import { useParameters } from '../address/parameters.ts';
import { request } from '../api/request.ts';
import { serverNow } from '../api/server-time.ts';
import { usePolled } from '../api/use-polled.ts';
import { taskHref } from '../shell/links.tsx';
import { Page } from '../shell/page.tsx';
import { agoText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import { CompleteForm } from '../units/complete-form.tsx';
import { ExhaustedTasks } from './exhausted-tasks.tsx';

export type WaitingUnit = {
  readonly id: string;
  readonly jobId: string;
  readonly topic?: string;
  readonly task?: string;
  readonly name: string;
  readonly owner?: string;
  readonly state: string;
  readonly worker?: string;
  readonly readySince?: number;
};

const unitsIn = async (state: string, owner: string | null, signal: AbortSignal): Promise<readonly WaitingUnit[]> => {
  const { items } = await request<{ items: readonly WaitingUnit[] }>('/units', {
    query: { state, limit: 200, owner: owner ?? undefined },
    signal,
  });
  return items;
};

/** Work that waits for people, by who may do it, and tasks whose last retry has failed. All of it is done here. */
export const WaitingPage = () => {
  const [query, change] = useParameters();
  const owner = query.get('owner');
  const { value, error, reload } = usePolled(`waiting ${owner}`, async (signal) => {
    const [ready, claimed] = await Promise.all([unitsIn('ready', owner, signal), unitsIn('claimed', owner, signal)]);
    return [...ready, ...claimed];
  });
  const open = query.get('unit');
  const byOwner = Map.groupBy(value ?? [], (unit) => unit.owner ?? '');
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
      <ExhaustedTasks />
      {value?.length === 0 ? <p className="dim">No unit waits for anybody.</p> : null}
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
  const path = unit.task === undefined ? unit.name : `${unit.task}/${unit.name}`;
  return (
    <li className="entry">
      <div className="entry-line">
        <button type="button" className="task-link" aria-expanded={isOpen} onClick={onToggle}>
          <b className="cut">{unit.name}</b>
        </button>
        <span className="dim">{unit.worker === undefined ? 'ready' : `${unit.worker} works on it`}</span>
        {unit.readySince === undefined ? null : <span className="dim">{agoText(serverNow() - unit.readySince)}</span>}
        <Link href={taskHref(unit.jobId, path)} className="cut">
          {unit.topic === undefined ? '' : `${unit.topic} / `}
          {unit.jobId} / {path}
        </Link>
      </div>
      {isOpen ? <CompleteForm jobId={unit.jobId} path={path} state={unit.state} onDone={onDone} /> : null}
    </li>
  );
};
