import { useSyncExternalStore } from 'react';
import { kept } from '../shell/kept.ts';

/** The time zone that all times of the page are shown in. */
export type Zone = 'local' | 'utc';

const KEY = 'tintype.zone';
const listeners = new Set<() => void>();
let zone: Zone = kept.get(KEY) === 'utc' ? 'utc' : 'local';

export const setZone = (next: Zone): void => {
  zone = next;
  kept.set(KEY, next);
  for (const listener of listeners) listener();
};

const listen = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** The zone; whoever asks is drawn again once it changes. */
export const useZone = (): Zone => useSyncExternalStore(listen, () => zone);

const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = `${zone} ${name}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('sv-SE', { ...options, ...(zone === 'utc' ? { timeZone: 'UTC' } : {}) });
  formats.set(key, made);
  return made;
};

const UNKNOWN = '–';

/** What no date is, as from an address that somebody wrote, is shown as not known. */
const formatted = (at: number, name: string, options: Intl.DateTimeFormatOptions): string =>
  Number.isNaN(new Date(at).getTime()) ? UNKNOWN : formatOf(name, options).format(at);

const DAY = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
const MINUTE = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const SECOND = { ...MINUTE, second: '2-digit' } as const;

/** `14:03:22`, or `14:03` without seconds, of epoch ms. */
export const clockText = (at: number, seconds = true): string =>
  seconds ? formatted(at, 'second', SECOND) : formatted(at, 'minute', MINUTE);

/** `14:03:22.120` of epoch ms. */
export const exactClockText = (at: number): string => {
  const ms = new Date(at).getMilliseconds();
  return Number.isNaN(ms) ? UNKNOWN : `${clockText(at)}.${String(ms).padStart(3, '0')}`;
};

/** `2026-11-30` of epoch ms. */
export const dayText = (at: number): string => formatted(at, 'day', DAY);

/** `2026-11-30 14:03:22`, with ` UTC` behind it if that is the zone of the page. */
export const stampText = (at: number): string => {
  const text = formatted(at, 'stamp', { ...DAY, ...SECOND });
  return zone === 'utc' && text !== UNKNOWN ? `${text} UTC` : text;
};
