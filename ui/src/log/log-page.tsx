import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useParameters } from '../address/parameters.ts';
import { apiUrl, request } from '../api/request.ts';
import { useLoad } from '../api/use-load.ts';
import { ConnectionLost } from '../shell/connection-lost.tsx';
import { FindBox } from '../shell/find-box.tsx';
import { jobHref, taskHref } from '../shell/links.tsx';
import { NotFound } from '../shell/not-found.tsx';
import { useKeys } from '../shell/use-keys.ts';
import { countText } from '../text/number.ts';
import { LogLines } from './log-lines.tsx';
import { logRoute, useLog, useLogHits } from './use-log.ts';

type Head = { readonly name: string; readonly endedAt?: number };

/** The log of a task, or of a whole job by time, with lines to link to and to find. */
export const LogPage = ({ id }: { readonly id: string }) => {
  const [query, change] = useParameters();
  const task = query.get('task') ?? undefined;
  const attempt = query.get('attempt') === null ? undefined : Number(query.get('attempt'));
  const text = query.get('q') ?? '';
  const box = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState(() => linesIn(location.hash));
  // Whoever comes with a text to find comes for its first line.
  const [seeksFirst, setSeeksFirst] = useState(chosen === undefined && text !== '');
  const [follows, setFollows] = useState(chosen === undefined && text === '');
  const [target, setTarget] = useState(chosen && { line: chosen[0] });
  const head = useLoad(id, (signal) => request<Head>(`/jobs/${encodeURIComponent(id)}`, { signal }));
  const isLive = head.value !== undefined && head.value.endedAt === undefined;
  const log = useLog({ jobId: id, task, attempt }, isLive);
  const hits = useLogHits({ jobId: id, task, attempt }, text, isLive ? 0 : log.total);
  useEffect(() => {
    document.title = `Log of ${task ?? head.value?.name ?? id} · tintype`;
  }, [task, head.value, id]);

  const choose = (line: number, isRange: boolean): void => {
    const range: readonly [number, number] =
      isRange && chosen !== undefined ? [Math.min(chosen[0], line), Math.max(chosen[0], line)] : [line, line];
    setChosen(range);
    setFollows(false);
    const hash = range[0] === range[1] ? `#L${range[0]}` : `#L${range[0]}-L${range[1]}`;
    history.replaceState(null, '', `${location.pathname}${location.search}${hash}`);
  };
  const nextHit = (by: 1 | -1): void => {
    const lines = hits?.lines ?? [];
    const from = target?.line ?? 0;
    const next =
      by > 0
        ? (lines.find((line) => line > from) ?? lines[0])
        : (lines.findLast((line) => line < from) ?? lines.at(-1));
    if (next === undefined) return;
    setTarget({ line: next });
    choose(next, false);
  };
  useEffect(() => {
    if (!seeksFirst || hits === undefined) return;
    setSeeksFirst(false);
    const [first] = hits.lines;
    if (first === undefined) setFollows(true);
    else setTarget({ line: first });
  }, [seeksFirst, hits]);
  useKeys({
    '/': () => box.current?.focus(),
    n: () => nextHit(1),
    N: () => nextHit(-1),
    End: () => setFollows(true),
    Escape: () => {
      if (text === '') return false;
      change({ q: undefined });
    },
  });
  if (head.error?.status === 404) return <NotFound text={`There is no job ${id}.`} />;
  return (
    <main className="log-page" id="main">
      <div className="tools big">
        <Link href="/" className="back">
          Jobs
        </Link>
        <span className="dim" aria-hidden="true">
          /
        </span>
        <Link href={jobHref(id)} className="back cut">
          {head.value?.name ?? id}
        </Link>
        <span className="dim" aria-hidden="true">
          /
        </span>
        {task === undefined ? (
          <h1>Log</h1>
        ) : (
          <h1 className="cut">
            <Link href={taskHref(id, task)}>{task}</Link>
          </h1>
        )}
        {attempt === undefined ? null : (
          <button type="button" className="chip on" onClick={() => change({ attempt: undefined })}>
            attempt {attempt} <span aria-hidden="true">✕</span>
            <span className="unseen">: show all attempts</span>
          </button>
        )}
        <FindBox
          box={box}
          label="Find in the log"
          value={text}
          onChange={(q) => change({ q })}
          onEnter={() => nextHit(1)}
          {...(hits === undefined ? {} : { hits: hits.lines.length })}
        />
        {hits?.isComplete === false ? <span className="dim small">and more</span> : null}
        <span className="grow" />
        {log.connection === 'lost' ? <ConnectionLost /> : null}
        <button type="button" className="button" aria-pressed={follows} onClick={() => setFollows(!follows)}>
          {log.connection === 'over' ? 'To the end' : 'Follow'}
        </button>
        <a className="button" href={apiUrl(logRoute(id), { task, attempt, format: 'text' })} download>
          Download
        </a>
        <span className="dim small">{countText(log.total, 'line')}</span>
      </div>
      <LogLines
        log={log}
        follows={follows}
        onFollow={setFollows}
        href={(line) => `#L${line}`}
        onChoose={choose}
        chosen={chosen}
        hits={hits === undefined ? undefined : new Set(hits.lines)}
        target={target}
        isDetailed
      />
    </main>
  );
};

const linesIn = (hash: string): readonly [number, number] | undefined => {
  const match = /^#L(\d+)(?:-L(\d+))?$/.exec(hash);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? from);
  return [Math.min(from, to), Math.max(from, to)];
};
