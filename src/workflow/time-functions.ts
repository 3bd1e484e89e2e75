import { localTime } from '../timing/local-time.ts';
import { takeSteps } from './evaluation-budget.ts';

/** A time as the clocks of a zone show it: a date whose parts in UTC are those that they show; and their offset, `+02:00`. */
export type ShownTime = { readonly shown: Date; readonly offset: string };

/** @throws Error for a zone that is not known */
export const inZone = (time: Date, zone: string): ShownTime => {
  if (zone === 'UTC') return { shown: time, offset: '+00:00' };
  takeSteps(ZONE_STEPS);
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    return { shown: new Date(time.getTime() + offset * 60_000), offset: `${sign || '+'}${hours}:${minutes}` };
  }
  let local: string;
  try {
    local = localTime(time.getTime(), zone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`there is no time zone ${JSON.stringify(zone)}. Write one as Europe/Berlin, UTC or +02:00`);
  }
  const milliseconds = ((time.getTime() % 1000) + 1000) % 1000;
  return { shown: new Date(Date.parse(`${local.slice(0, -6)}Z`) + milliseconds), offset: local.slice(-6) };
};

/** The steps of asking what the clocks of a zone show, of about 0.3 µs each. */
const ZONE_STEPS = 300;

/** The getters of CEL's timestamps, of a date whose parts in UTC count. Those of CEL begin at 0, but `getDate`. */
export const GETTERS = {
  getFullYear: (date: Date) => date.getUTCFullYear(),
  getMonth: (date: Date) => date.getUTCMonth(),
  getDate: (date: Date) => date.getUTCDate(),
  getDayOfMonth: (date: Date) => date.getUTCDate() - 1,
  getDayOfWeek: (date: Date) => date.getUTCDay(),
  getDayOfYear: (date: Date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS),
  getHours: (date: Date) => date.getUTCHours(),
  getMinutes: (date: Date) => date.getUTCMinutes(),
  getSeconds: (date: Date) => date.getUTCSeconds(),
  getMilliseconds: (date: Date) => date.getUTCMilliseconds(),
} as const;

const DAY_MS = 86_400_000;

/** Writes a time by a pattern, as `date` and strftime have it: `%Y-%m-%d`. @throws Error for a place that is not known */
export const formatTime = (time: Date, pattern: string, zone: string): string => {
  const { shown, offset } = inZone(time, zone);
  takeSteps(pattern.length);
  return pattern.replace(/%(.|)/gs, (place, letter: string) => {
    if (letter === '%') return '%';
    const write = Object.hasOwn(PLACES, letter) ? PLACES[letter] : undefined;
    if (!write) throw new Error(`format: there is no ${place}. Known are ${KNOWN}, and %% for the character`);
    return write(shown, offset);
  });
};

const digits = (value: number, count = 2): string => String(value).padStart(count, '0');

const named = (date: Date, part: Intl.DateTimeFormatOptions): string =>
  date.toLocaleDateString('en-US', { ...part, timeZone: 'UTC' });

const dateOf = (date: Date): string => date.toISOString().slice(0, 10);
const timeOf = (date: Date): string => date.toISOString().slice(11, 19);

/** What each place of a pattern stands for: those of POSIX that need no language, names in English. */
const PLACES: Readonly<Record<string, (date: Date, offset: string) => string>> = {
  Y: (date) => digits(date.getUTCFullYear(), 4),
  y: (date) => digits(date.getUTCFullYear() % 100),
  m: (date) => digits(date.getUTCMonth() + 1),
  d: (date) => digits(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2),
  j: (date) => digits(GETTERS.getDayOfYear(date) + 1, 3),
  H: (date) => digits(date.getUTCHours()),
  I: (date) => digits(date.getUTCHours() % 12 || 12),
  M: (date) => digits(date.getUTCMinutes()),
  S: (date) => digits(date.getUTCSeconds()),
  L: (date) => digits(date.getUTCMilliseconds(), 3),
  p: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  a: (date) => named(date, { weekday: 'short' }),
  A: (date) => named(date, { weekday: 'long' }),
  b: (date) => named(date, { month: 'short' }),
  B: (date) => named(date, { month: 'long' }),
  u: (date) => String(date.getUTCDay() || 7),
  w: (date) => String(date.getUTCDay()),
  F: dateOf,
  T: timeOf,
  s: (date, offset) => String(Math.floor((date.getTime() - minutesOf(offset) * 60_000) / 1000)),
  z: (_, offset) => offset.replace(':', ''),
};

const KNOWN = Object.keys(PLACES)
  .map((letter) => `%${letter}`)
  .join(', ');

const minutesOf = (offset: string): number => {
  const [hours, minutes] = offset.slice(1).split(':').map(Number) as [number, number];
  return (offset[0] === '-' ? -1 : 1) * (hours * 60 + minutes);
};
