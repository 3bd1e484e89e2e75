import type { TaskState } from '../../events/event.ts';

/** Colours as CSS writes them. */
export type Theme = {
  readonly page: string;
  readonly panel: string;
  readonly card: string;
  readonly line: string;
  readonly border: string;
  /** Edges of the graph. */
  readonly wire: string;
  readonly text: string;
  readonly dim: string;
  /** For what is no text. */
  readonly faint: string;
  readonly accent: string;
  /** Behind what is selected. */
  readonly soft: string;
  readonly states: Readonly<Record<TaskState, string>>;
  /** Text that names a state is not in the colour of the state, for it would be hard to read. */
  readonly completedText: string;
  readonly failedText: string;
};

/** Found by a search for the greatest distances under normal sight, protanopia, deuteranopia and tritanopia (CIEDE2000). */
export const LIGHT: Theme = {
  page: '#f5f6f7',
  panel: '#ffffff',
  card: '#ffffff',
  line: '#eceeef',
  border: '#d5d9dc',
  wire: '#b9c0c5',
  text: '#171b1e',
  dim: '#5d666d',
  faint: '#b9c0c5',
  accent: '#3445e0',
  soft: '#eef0ff',
  states: {
    unscheduled: '#e7ebec',
    ready: '#90c1ff',
    running: '#3f54ff',
    retrying: '#ec922b',
    polling: '#56a1ae',
    paused: '#5a3c78',
    completed: '#51876e',
    failed: '#ba2011',
    notReady: '#e44692',
    skipped: '#adb4ba',
    cancelled: '#2a3845',
  },
  completedText: '#2f6a4e',
  failedText: '#b21d0f',
};

export const DARK: Theme = {
  page: '#0e1113',
  panel: '#14181b',
  card: '#1a1f23',
  line: '#22282c',
  border: '#3a434a',
  wire: '#4c5760',
  text: '#e8ebed',
  dim: '#98a2a9',
  faint: '#4a545b',
  accent: '#8fa2ff',
  soft: '#1d2440',
  states: {
    unscheduled: '#2d3132',
    ready: '#7fa2b7',
    running: '#3e60f9',
    retrying: '#fbce52',
    polling: '#77e2f7',
    paused: '#be9afe',
    completed: '#409067',
    failed: '#fe3112',
    notReady: '#de669a',
    skipped: '#51595d',
    cancelled: '#c1c4c6',
  },
  completedText: '#5fbd90',
  failedText: '#ff8a75',
};

/** A path on a grid of 12 by 12: a stroke or, if `solid`, a fill. Shapes tell states apart where colours don't. */
export type Glyph = { readonly path: string; readonly solid?: boolean };

export const GLYPHS: Readonly<Record<TaskState, Glyph>> = {
  unscheduled: { path: 'M6 2.6a3.4 3.4 0 1 0 0 6.8a3.4 3.4 0 1 0 0-6.8' },
  ready: { path: 'M6 1.8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 1 0 0-8.4M6 3.6V6l1.8 1.2' },
  running: { path: 'M3.6 1.9v8.2L10 6z', solid: true },
  retrying: { path: 'M9.7 4.2A4 4 0 1 0 10 6.6M10.2 1.6v2.8H7.4' },
  polling: { path: 'M1 6c2.4-4.2 7.6-4.2 10 0c-2.4 4.2-7.6 4.2-10 0M6 4.8a1.2 1.2 0 1 0 0 2.4a1.2 1.2 0 1 0 0-2.4' },
  paused: { path: 'M4 2.4v7.2M8 2.4v7.2' },
  completed: { path: 'M2.2 6.4l2.6 2.7l5-6' },
  failed: { path: 'M2.8 2.8l6.4 6.4M9.2 2.8l-6.4 6.4' },
  notReady: { path: 'M3 1.8h6M3 10.2h6M3.6 1.8c0 3 4.8 5.4 4.8 8.4M8.4 1.8c0 3-4.8 5.4-4.8 8.4' },
  skipped: { path: 'M2.2 2.8L5.4 6L2.2 9.2M6.4 2.8L9.6 6L6.4 9.2' },
  cancelled: { path: 'M6 1.8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 1 0 0-8.4M3.1 8.9l5.8-5.8' },
};

/** Returns the colour of a glyph on the colour of its state: white, or nearly black where white has less than 3:1 contrast. */
export const glyphColour = (state: string): string => (1.05 / (luminance(state) + 0.05) >= 3 ? '#ffffff' : '#0d1114');

/** Relative luminance by WCAG 2. */
const luminance = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

/** What people look for first comes first. */
export const BY_URGENCY: readonly TaskState[] = [
  'failed',
  'notReady',
  'retrying',
  'paused',
  'running',
  'polling',
  'ready',
  'cancelled',
  'unscheduled',
  'skipped',
  'completed',
];

/** The order in a bar: what is over is on the left, what is still to come on the right. */
export const BY_PROGRESS: readonly TaskState[] = [
  'completed',
  'skipped',
  'cancelled',
  'failed',
  'notReady',
  'retrying',
  'running',
  'polling',
  'paused',
  'ready',
  'unscheduled',
];

/** Returns the word for a state. */
export const stateWord = (state: TaskState): string => (state === 'notReady' ? 'not ready' : state);
