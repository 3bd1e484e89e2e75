import { type KeyboardEvent, useId } from 'react';
import type { JobModel } from '../job/job-model.ts';
import type { JobFocus } from '../job/job-page.tsx';
import { tookMs } from '../job/took.ts';
import { GridCell, GridRow, OnlyRow, RowGroup } from '../lists/grid.tsx';
import type { Rows } from '../lists/use-rows.ts';
import { Glyph } from '../states/glyph.tsx';
import { wordOf } from '../states/states.ts';
import { durationText } from '../text/duration.ts';
import { numberText } from '../text/number.ts';
import { ROW_PX } from './draw-bars.ts';
import type { TimelineRow } from './timeline-rows.ts';

export type TaskTreeProps = {
  readonly model: JobModel;
  readonly focus: JobFocus;
  readonly rows: readonly TimelineRow[];
  readonly list: Rows;
};

/** The tasks as a tree: what the pictures show can all be reached, selected and read here. */
export const TaskTree = ({ model, focus, rows, list }: TaskTreeProps) => {
  const id = useId();
  const at = rows.findIndex(({ index }) => index === focus.selected);
  const go = (to: number): void => {
    const place = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[place];
    if (row === undefined) return;
    focus.select(row.index);
    list.show(place);
  };
  const page = Math.max(1, Math.floor((list.ref.current?.clientHeight ?? 240) / ROW_PX) - 1);
  const steps: Readonly<Record<string, () => void>> = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at < 0 ? 0 : at - 1),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    PageDown: () => go(at + page),
    PageUp: () => go(at - page),
    ArrowRight: () => {
      const row = rows[at];
      if (row?.isGroup === true && !row.isOpen) focus.toggle(model.path(row.index));
      else if (row?.isOpen === true) go(at + 1);
    },
    ArrowLeft: () => {
      const row = rows[at];
      if (row === undefined) return;
      if (row.isOpen) focus.toggle(model.path(row.index));
      else if (row.depth > 0) go(rows.findLastIndex(({ depth }, place) => place < at && depth < row.depth));
    },
  };
  const press = (event: KeyboardEvent): void => {
    const step = event.ctrlKey || event.metaKey || event.altKey ? undefined : steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    step();
  };
  const rowId = (index: number): string => `${id}-${index}`;
  return (
    <div className="tree">
      <div className="tree-heading" aria-hidden="true" />
      <div
        ref={list.ref}
        className="scroll tree-rows"
        role="treegrid"
        tabIndex={0}
        aria-label="Tasks"
        aria-rowcount={rows.length}
        {...(at >= 0 && list.items.some(({ index }) => index === at)
          ? { 'aria-activedescendant': rowId(focus.selected) }
          : {})}
        onKeyDown={press}
      >
        <RowGroup style={{ height: list.height + ROW_PX, position: 'relative' }}>
          {list.items.map(({ index: place, top }) => {
            const row = rows[place];
            if (row === undefined) return null;
            return (
              <TreeRow
                key={row.index}
                id={rowId(row.index)}
                model={model}
                row={row}
                place={place}
                top={top}
                isSelected={row.index === focus.selected}
                isFaded={focus.preview !== undefined && !focus.preview.has(row.index)}
                onSelect={() => focus.select(row.index)}
                onToggle={() => focus.toggle(model.path(row.index))}
              />
            );
          })}
        </RowGroup>
        {rows.length === 0 ? (
          <OnlyRow>
            <p className="empty">No task is meant. Esc shows all.</p>
          </OnlyRow>
        ) : null}
      </div>
    </div>
  );
};

type TreeRowProps = {
  readonly id: string;
  readonly model: JobModel;
  readonly row: TimelineRow;
  readonly place: number;
  readonly top: number;
  readonly isSelected: boolean;
  readonly isFaded: boolean;
  readonly onSelect: () => void;
  readonly onToggle: () => void;
};

const TreeRow = ({ id, model, row, place, top, isSelected, isFaded, onSelect, onToggle }: TreeRowProps) => {
  const { index, depth, isGroup, isOpen } = row;
  const state = model.state(index);
  const name = model.name(index);
  const failed = model.tally.count(index, 'failed');
  const ms = tookMs(model, index);
  const took = ms === undefined ? '' : `, ${durationText(ms)}`;
  return (
    <GridRow
      id={id}
      className={`tree-row${isSelected ? ' selected' : ''}${isFaded ? ' faded' : ''}`}
      style={{ top, height: ROW_PX, paddingLeft: 6 + depth * 14 }}
      aria-level={depth + 1}
      aria-rowindex={place + 1}
      aria-selected={isSelected}
      {...(isGroup ? { 'aria-expanded': isOpen } : {})}
      onClick={onSelect}
      onDoubleClick={isGroup ? onToggle : undefined}
    >
      <GridCell className="tree-name" aria-label={`${name}, ${wordOf(state)}${took}`}>
        {isGroup ? (
          <button
            type="button"
            tabIndex={-1}
            className="turn"
            aria-label={`${isOpen ? 'Fold' : 'Unfold'} ${name}`}
            onClick={(event) => {
              event.stopPropagation();
              onToggle();
            }}
          >
            <svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true" className={isOpen ? 'open' : undefined}>
              <path d="M4 2l5 4l-5 4z" />
            </svg>
          </button>
        ) : (
          <span className="turn" />
        )}
        <Glyph state={state} />
        <span className="cut" title={model.path(index)}>
          {name}
        </span>
      </GridCell>
      {isGroup ? (
        <GridCell className="tree-counts">
          {failed > 0 ? <b className="bad">{numberText(failed)} failed </b> : null}
          {numberText(model.tally.count(index, 'completed') + model.tally.count(index, 'skipped'))}/
          {numberText(model.tally.total(index))}
        </GridCell>
      ) : null}
    </GridRow>
  );
};
