import type { TaskState } from '../../events/event.ts';
import type { TaskKind } from '../definition/options.ts';
import { criticalEdges, edgesOf, type GraphView, type TaskView } from './graph-view.ts';
import { mermaidText } from './mermaid-text.ts';

/** Renders the graph as a Mermaid flowchart. Mermaid draws at most 500 edges unless its option `maxEdges` is raised. `handlerLines`: draw the handlers. */
export const mermaidOf = (view: GraphView, handlerLines: readonly string[] = []): string => {
  const ids = new Map(view.tasks.map(({ name }, index) => [name, idAt(index)]));
  const critical = (view.critical ?? []).map((name) => ids.get(name));
  const isCritical = criticalEdges(view);
  const states = new Set(view.tasks.flatMap(({ state }) => state ?? []));
  const lines = [
    `accTitle: ${mermaidText(view.name)}`,
    ...view.tasks.flatMap((task, index) => (task.handler ? [] : nodeAt(task, index))),
    ...handlerLines,
    ...edgesOf(view).map(
      ({ from, to }) => `${ids.get(from.name)} ${isCritical(from, to) ? '==>' : '-->'} ${ids.get(to.name)}`,
    ),
    ...ORDER.filter((state) => states.has(state)).map((state) => `classDef ${state} ${STYLES[state]},color:#000`),
    ...(critical.length > 0 ? ['classDef critical stroke-width:4px', `class ${critical.join(',')} critical`] : []),
  ];
  return `flowchart TD\n${lines.map((line) => `  ${line}\n`).join('')}`;
};

/** Returns the line of the task at this index of its view. */
export const nodeAt = ({ name, kind, state }: TaskView, index: number): string => {
  const [open, close] = SHAPES[kind];
  const style = state === undefined ? '' : `:::${state}`;
  return `${idAt(index)}${open}"${mermaidText(name)}"${close}${style}`;
};

const idAt = (index: number): string => `t${index}`;

/** Node shapes. In this order: rectangle, stadium, parallelogram, subroutine, hexagon. */
const SHAPES: Readonly<Record<TaskKind, readonly [open: string, close: string]>> = {
  task: ['[', ']'],
  sensor: ['([', '])'],
  external: ['[/', '/]'],
  job: ['[[', ']]'],
  map: ['{{', '}}'],
};

/** Light colours, for black text. */
const STYLES: Readonly<Record<TaskState, string>> = {
  unscheduled: 'fill:#e0e0e0,stroke:#757575',
  ready: 'fill:#b3dcff,stroke:#1565c0',
  running: 'fill:#fff176,stroke:#b58900',
  retrying: 'fill:#ffcc80,stroke:#e65100',
  polling: 'fill:#a7f0e6,stroke:#00796b',
  paused: 'fill:#d7c4a8,stroke:#6d4c2f',
  completed: 'fill:#a5dba7,stroke:#2e7d32',
  failed: 'fill:#ff9b94,stroke:#b71c1c',
  notReady: 'fill:#ffd3e2,stroke:#ad1457',
  skipped: 'fill:#ffffff,stroke:#9e9e9e,stroke-dasharray:4',
  cancelled: 'fill:#e0b3ee,stroke:#7b1fa2',
};

const ORDER = Object.keys(STYLES) as TaskState[];
