import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DARK, LIGHT, type Theme } from '../../src/engine/views/palette.ts';
import type { TaskState } from '../../src/events/event.ts';

const style = readFileSync(new URL('../../ui/src/style.css', import.meta.url), 'utf8');

/** The custom properties of the block that begins with a selector. */
const propertiesOf = (selector: string): Readonly<Record<string, string>> => {
  const at = style.indexOf(`${selector} {`);
  if (at < 0) throw new Error(`style.css has no ${selector}`);
  const block = style.slice(at, style.indexOf('}', at));
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/gi)].map(([, name, value]) => [name, value]),
  );
};

const themes = [
  { name: 'light', theme: LIGHT, css: propertiesOf(':root') },
  { name: 'dark, as the system wants it', theme: DARK, css: propertiesOf(':root:not([data-theme="light"])') },
  { name: 'dark, as it was chosen', theme: DARK, css: propertiesOf(':root[data-theme="dark"]') },
] as const;

/** Names that the style sheet has for the colours of the palette. */
const NAMES: Readonly<Record<string, keyof Theme>> = {
  ground: 'page',
  panel: 'panel',
  card: 'card',
  line: 'line',
  'line-strong': 'border',
  wire: 'wire',
  text: 'text',
  dim: 'dim',
  faint: 'faint',
  accent: 'accent',
  soft: 'soft',
  good: 'completedText',
  bad: 'failedText',
};

/** WCAG 2.2: relative luminance, and from it the contrast, 1 to 21. */
const luminance = (colour: string): number => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (one: string, other: string): number => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
};

/** States whose colour alone is too near to the surface: their glyph and word stand with it. */
const FAINT: Readonly<Record<'light' | 'dark', readonly TaskState[]>> = {
  light: ['ready', 'retrying', 'polling', 'skipped', 'unscheduled'],
  dark: ['skipped', 'unscheduled'],
};

describe.each(themes)('the style sheet, $name', ({ name, theme, css }) => {
  test('has the colours of the palette', () => {
    const expected = Object.fromEntries([
      ...Object.entries(NAMES).map(([property, key]) => [property, theme[key]]),
      ...Object.entries(theme.states).map(([state, colour]) => [`state-${state}`, colour]),
    ]);
    expect(css).toMatchObject(expected);
  });

  test.each(['text', 'dim', 'accent', 'good', 'bad'])('has text in --%s that can be read on every surface', (text) => {
    for (const surface of ['ground', 'panel', 'card', 'soft'])
      expect(contrast(css[text] as string, css[surface] as string), `--${text} on --${surface}`).toBeGreaterThanOrEqual(
        4.5,
      );
  });

  test('has a glyph that can be seen on the colour of each state', () => {
    for (const [state, colour] of Object.entries(theme.states))
      expect(contrast(css[`on-${state}`] as string, colour), state).toBeGreaterThanOrEqual(3);
  });

  test('has buttons whose words can be read', () => {
    expect(contrast(css['on-accent'] as string, css.accent as string)).toBeGreaterThanOrEqual(4.5);
  });

  test('has states that stand out from a panel, but for those that are named wherever they are shown', () => {
    const faint = Object.entries(theme.states).filter(([, colour]) => contrast(colour, css.panel as string) < 3);
    const known = FAINT[name === 'light' ? 'light' : 'dark'];
    expect(faint.map(([state]) => state).filter((state) => !known.includes(state as TaskState))).toEqual([]);
  });
});
