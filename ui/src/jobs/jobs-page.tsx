import { useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useParameters } from '../address/parameters.ts';
import { serverNow } from '../api/server-time.ts';
import { ColumnHeading, Grid, GridCell, GridRow, OnlyRow, RowGroup } from '../lists/grid.tsx';
import { useRows } from '../lists/use-rows.ts';
import { ConnectionLost } from '../shell/connection-lost.tsx';
import { FindBox, MOST_FOUND } from '../shell/find-box.tsx';
import { keepListQuery } from '../shell/jobs-href.ts';
import { jobHref } from '../shell/links.tsx';
import { useKeys } from '../shell/use-keys.ts';
import { StateName } from '../states/glyph.tsx';
import { Meter } from '../states/meter.tsx';
import { StateFilter } from '../states/state-filter.tsx';
import { JOB_STATES_SHOWN } from '../states/states.ts';
import { cutText } from '../text/cut.ts';
import { agoText, durationText } from '../text/duration.ts';
import { countText, numberText } from '../text/number.ts';
import { progressText } from '../text/progress.ts';
import { stampText, useZone } from '../text/time.ts';
import { momentIn } from './moment-in.ts';
import { type JobFilter, type JobRow, useJobList } from './use-job-list.ts';

const ROW_PX = 36;
const NAMES = ['state', 'q', 'name', 'label', 'since', 'before', 'order', 'topic'] as const;

/** All jobs: 100,000 of them too, since only what is in sight is fetched and drawn. */
export const JobsPage = () => {
  const [query, change] = useParameters();
  const [, navigate] = useLocation();
  useZone();
  const texts = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ''])) as JobFilter;
  const filter = { ...texts, q: cutText(texts.q, MOST_FOUND) };
  keepListQuery(query.toString());
  const list = useJobList(filter);
  const rows = useRows({ count: list.total, rowHeight: ROW_PX });
  const [at, setAt] = useState(0);
  const filterKey = JSON.stringify(filter);
  const { show } = rows;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another list, from its beginning; `filterKey` stands for it
  useEffect(() => {
    setAt(0);
    show(0);
  }, [filterKey, show]);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Jobs · tintype';
  }, []);
  useTick();
  const first = rows.items[0]?.index;
  const last = rows.items.at(-1)?.index;
  useEffect(() => {
    if (first !== undefined && last !== undefined) list.need(first, last + 1);
  });

  const go = (to: number): void => {
    const place = Math.max(0, Math.min(list.total - 1, to));
    setAt(place);
    rows.show(place);
  };
  const page = Math.max(1, Math.floor((rows.ref.current?.clientHeight ?? 360) / ROW_PX) - 1);
  const open = (row: JobRow | undefined): void => {
    if (row !== undefined) navigate(jobHref(row.id));
  };
  useKeys({
    '/': () => box.current?.focus(),
    Escape: () => {
      if (filter.q === '' && filter.state === '') return false;
      change({ q: undefined, state: undefined });
    },
    j: () => go(at + 1),
    k: () => go(at - 1),
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    PageDown: () => go(at + page),
    PageUp: () => go(at - page),
    Home: () => go(0),
    End: () => go(list.total - 1),
    Enter: (event) => {
      if (event.target instanceof HTMLElement && event.target.matches('a, button')) return false;
      open(list.row(at));
    },
  });
  const chosen = new Set(filter.state.split(',').filter((one) => one !== ''));
  const others = (['name', 'label', 'topic', 'since', 'before'] as const).filter((name) => filter[name] !== '');
  return (
    <main className="jobs" id="main">
      <div className="tools big">
        <h1>Jobs</h1>
        <FindBox box={box} label="Name or id" value={filter.q} onChange={(q) => change({ q })} />
        <StateFilter
          states={JOB_STATES_SHOWN}
          counts={list.counts}
          chosen={chosen}
          onChange={(states) => change({ state: [...states].join(',') })}
        />
        {others.map((name) => (
          <button key={name} type="button" className="chip on" onClick={() => change({ [name]: undefined })}>
            {name}: {filterText(name, filter[name])} <span aria-hidden="true">✕</span>
          </button>
        ))}
        <span className="grow" />
        {list.isLost ? <ConnectionLost /> : null}
        {list.fresh > 0 ? (
          <button type="button" className="chip on" onClick={list.refresh}>
            {countText(list.fresh, 'new job')}
          </button>
        ) : null}
        <span className="dim small" role="status">
          {countText(list.total, 'job')}
        </span>
      </div>
      <Grid className="job-list" aria-rowcount={list.total} aria-label="Jobs">
        <Heading />
        <RowGroup className="scroll" ref={rows.ref} tabIndex={0} aria-label="Jobs" aria-busy={!list.hasCome}>
          <div style={{ height: rows.height }}>
            {rows.items.map(({ index, top }) => (
              <Row
                key={index}
                row={list.row(index)}
                index={index}
                top={top}
                now={serverNow()}
                isSelected={index === at}
                onOpen={(row) => {
                  setAt(index);
                  open(row);
                }}
              />
            ))}
          </div>
          {list.error === undefined ? null : (
            <p className="empty" role="alert">
              {list.error.message}
            </p>
          )}
          {list.hasCome && list.total === 0 ? (
            <OnlyRow>
              <Empty isFiltered={chosen.size > 0 || filter.q !== '' || others.length > 0} />
            </OnlyRow>
          ) : null}
        </RowGroup>
      </Grid>
    </main>
  );
};

/** A time as the page shows all of them, or as somebody wrote it. */
const filterText = (name: string, text: string): string => {
  const at = name === 'since' || name === 'before' ? momentIn(text) : undefined;
  return at === undefined ? text : stampText(at);
};

/** Durations and "ago" grow by themselves. */
const useTick = (): void => {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((turn) => turn + 1);
    }, 1000);
    return () => clearInterval(timer);
  }, []);
};

const COLUMNS = ['State', 'Job', 'Id', 'Tasks', 'Started', 'Duration'] as const;

const Heading = () => (
  <GridRow className="job-row heading">
    {COLUMNS.map((column) => (
      <ColumnHeading key={column} className={column === 'Started' || column === 'Duration' ? 'number' : undefined}>
        {column}
      </ColumnHeading>
    ))}
  </GridRow>
);

type RowProps = {
  readonly row: JobRow | undefined;
  readonly index: number;
  readonly top: number;
  readonly now: number;
  readonly isSelected: boolean;
  readonly onOpen: (row: JobRow) => void;
};

const Row = ({ row, index, top, now, isSelected, onOpen }: RowProps) => {
  const done = (row?.tasks?.completed ?? 0) + (row?.tasks?.skipped ?? 0);
  const total = Object.values(row?.tasks ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <GridRow
      className={isSelected ? 'job-row selected' : 'job-row'}
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      style={{ top }}
      onClick={() => row && onOpen(row)}
    >
      {row === undefined ? (
        <GridCell className="dim">…</GridCell>
      ) : (
        <Cells row={row} now={now} done={done} total={total} />
      )}
    </GridRow>
  );
};

const Cells = ({ row, now, done, total }: { row: JobRow; now: number; done: number; total: number }) => {
  const began = row.startedAt ?? row.createdAt;
  const cells = [
    <StateName key="state" state={row.interrupted ? 'interrupted' : row.state} />,
    <Link
      key="name"
      href={jobHref(row.id)}
      className="cut"
      title={row.name}
      tabIndex={-1}
      onClick={(event) => event.stopPropagation()}
    >
      {row.name}
    </Link>,
    <code key="id" className="cut" title={row.id}>
      {row.id}
    </code>,
    <span key="tasks" className="job-tasks" title={progressText(row.progress)}>
      {row.tasks === undefined ? null : (
        <>
          <Meter thin counts={row.tasks} />
          <em>
            {numberText(done)}/{numberText(total)}
            {row.progress && ` · ${Math.floor(row.progress.fraction * 100)} %`}
          </em>
        </>
      )}
    </span>,
    <span key="started" title={stampText(began)}>
      {agoText(now - began)}
    </span>,
    <span key="duration">
      {row.startedAt === undefined ? '–' : durationText((row.endedAt ?? now) - row.startedAt)}
    </span>,
  ];
  return cells.map((cell, place) => (
    <GridCell key={cell.key} className={place > 3 ? 'number cut' : 'cut'}>
      {cell}
    </GridCell>
  ));
};

const Empty = ({ isFiltered }: { readonly isFiltered: boolean }) =>
  isFiltered ? (
    <p className="empty">No job fits. Esc shows all.</p>
  ) : (
    <div className="empty">
      <p>No job has run here yet.</p>
      <p>
        Start one of the <Link href="/definitions">definitions</Link>, or from a terminal:
      </p>
      <pre>tintype run workflow.yaml</pre>
    </div>
  );
