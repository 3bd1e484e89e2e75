import { useEffect, useRef } from 'react';
import { useRows } from '../lists/use-rows.ts';
import { Scrolling } from '../shell/scrolling.tsx';
import { cutText } from '../text/cut.ts';
import { numberText } from '../text/number.ts';
import { exactClockText, useZone } from '../text/time.ts';
import { piecesOf } from './ansi.tsx';
import type { Log, LogLine } from './use-log.ts';

/** Less would be too small for its link to be hit. */
export const LINE_PX = 24;
/** Longer lines are cut as they are shown; the download has them whole. */
const MOST_LETTERS = 5000;

export type LogLinesProps = {
  readonly log: Log;
  /** Whether to stay at the end as lines come. */
  readonly follows: boolean;
  readonly onFollow: (follows: boolean) => void;
  /** The address of a line, by its number. */
  readonly href: (line: number) => string;
  readonly onChoose: (line: number, isRange: boolean) => void;
  /** The chosen lines, by number. */
  readonly chosen?: readonly [number, number] | undefined;
  /** The lines of what is sought. */
  readonly hits?: ReadonlySet<number> | undefined;
  /** A line to scroll to, by number: once for each object. */
  readonly target?: { readonly line: number } | undefined;
  /** Whether each line says when and by which task it was written. */
  readonly isDetailed?: boolean;
};

/** The lines of a log that are in sight. */
export const LogLines = (props: LogLinesProps) => {
  const { log, follows, onFollow, target, chosen } = props;
  useZone();
  const rows = useRows({ count: log.total, rowHeight: LINE_PX, overscan: 12 });
  const first = rows.items[0]?.index;
  const last = rows.items.at(-1)?.index;
  useEffect(() => {
    if (first !== undefined && last !== undefined) log.need(first, last + 1);
  });
  const isOurs = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines move the end
  useEffect(() => {
    const element = rows.ref.current;
    if (!follows || element === null) return;
    const before = element.scrollTop;
    element.scrollTop = element.scrollHeight;
    // Without a move there is no event: the next one is somebody's.
    isOurs.current = element.scrollTop !== before;
  }, [follows, log.total, rows.ref]);
  // Once: whoever then scrolls elsewhere stays there as lines come.
  const shown = useRef<LogLinesProps['target']>(undefined);
  useEffect(() => {
    if (target === undefined || target === shown.current || log.total === 0) return;
    if (target.line <= log.total) shown.current = target;
    if (chosen !== undefined) rows.show(Math.min(log.total, chosen[1]) - 1);
    rows.show(Math.min(log.total, target.line) - 1);
  });
  return (
    <Scrolling
      ref={rows.ref}
      className="scroll log"
      aria-label="Log"
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        if (!isOurs.current) onFollow(scrollTop + clientHeight >= scrollHeight - 2);
        isOurs.current = false;
      }}
    >
      <div style={{ height: rows.height }}>
        {rows.items.map(({ index, top }) => (
          <Line key={index} {...props} number={index + 1} top={top} line={log.line(index)} />
        ))}
      </div>
      {log.hasCome && log.total === 0 ? <p className="empty">Nothing was logged.</p> : null}
      {log.error === undefined ? null : <p className="empty bad">{log.error.message}</p>}
    </Scrolling>
  );
};

type LineProps = LogLinesProps & {
  readonly number: number;
  readonly top: number;
  readonly line: LogLine | undefined;
};

const Line = ({ number, top, line, href, onChoose, chosen, hits, isDetailed = false }: LineProps) => {
  const isChosen = chosen !== undefined && number >= chosen[0] && number <= chosen[1];
  return (
    <div
      className={`log-line${isChosen ? ' chosen' : ''}${hits?.has(number) ? ' hit' : ''}${line === undefined ? '' : ` ${line.level}`}`}
      style={{ top }}
    >
      <a
        href={href(number)}
        onClick={(event) => {
          event.preventDefault();
          onChoose(number, event.shiftKey);
        }}
      >
        {number}
      </a>
      {line === undefined ? (
        <span className="dim">…</span>
      ) : (
        <>
          {isDetailed ? (
            <span className="dim log-when">
              {exactClockText(line.at)} {line.task}
            </span>
          ) : null}
          <Message line={line} />
        </>
      )}
    </div>
  );
};

const Message = ({ line }: { readonly line: LogLine }) => {
  const text = cutText(line.message, MOST_LETTERS);
  const data = line.data === undefined ? '' : ` ${JSON.stringify(line.data)}`;
  return (
    <span>
      {line.level === 'info' ? null : <b className="log-level">{line.level} </b>}
      {piecesOf(text).map((piece, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces have nothing else that tells them apart
        <span key={place} className={piece.className} {...(piece.style ? { style: piece.style } : {})}>
          {piece.text}
        </span>
      ))}
      {data === '' ? null : <span className="dim">{cutText(data, MOST_LETTERS)}</span>}
      {text.length < line.message.length ? (
        <em className="dim"> … {numberText(line.message.length - text.length)} letters more</em>
      ) : null}
    </span>
  );
};
