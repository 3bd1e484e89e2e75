import { useMemo } from 'react';
import type { TaskState } from '../../../src/events/event.ts';
import { TASK_STATES } from '../../../src/wire/letters.ts';
import { useColourVersion } from './theme.ts';

const SURFACES = [
  'ground',
  'panel',
  'card',
  'line',
  'line-strong',
  'wire',
  'text',
  'dim',
  'faint',
  'accent',
  'soft',
  'bad',
] as const;

/** The colours of the style sheet that are in force, for what is drawn on a canvas. */
export type Colours = {
  readonly surface: Readonly<Record<(typeof SURFACES)[number], string>>;
  readonly state: Readonly<Record<TaskState, string>>;
  /** What is written or drawn on the colour of a state. */
  readonly onState: Readonly<Record<TaskState, string>>;
};

export const useColours = (): Colours => {
  const version = useColourVersion();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the style sheet says something else then
  return useMemo(() => {
    const style = getComputedStyle(document.documentElement);
    const read = <Name extends string>(names: readonly Name[], prefix: string): Record<Name, string> =>
      Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${prefix}${name}`).trim()])) as Record<
        Name,
        string
      >;
    return { surface: read(SURFACES, ''), state: read(TASK_STATES, 'state-'), onState: read(TASK_STATES, 'on-') };
  }, [version]);
};
