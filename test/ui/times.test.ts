import './stand-ins.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** The texts of a page that is opened in a zone. */
const texts = async (zone: 'local' | 'utc', timeZone = 'Europe/Berlin') => {
  vi.stubEnv('TZ', timeZone);
  vi.resetModules();
  const time = await import('../../ui/src/text/time.ts');
  time.setZone(zone);
  return time;
};

beforeEach(() => localStorage.removeItem('tintype.zone'));

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a day begins at midnight of the zone of the page, also when the clocks change', async () => {
  const local = await texts('local');
  expect(local.stampText(Date.UTC(2026, 11, 31, 22, 59, 59))).toBe('2026-12-31 23:59:59');
  expect(local.stampText(Date.UTC(2026, 11, 31, 23))).toBe('2027-01-01 00:00:00');
  // In spring 02:00 is 03:00, in autumn it is 02:00 twice.
  const hours = [
    Date.UTC(2026, 2, 29, 0, 59),
    Date.UTC(2026, 2, 29, 1),
    Date.UTC(2026, 9, 25, 0),
    Date.UTC(2026, 9, 25, 1),
  ];
  expect(hours.map((at) => local.clockText(at, false))).toEqual(['01:59', '03:00', '02:00', '02:00']);
  const utc = await texts('utc');
  expect(utc.stampText(Date.UTC(2026, 11, 31, 23))).toBe('2026-12-31 23:00:00 UTC');
  expect(utc.dayText(Date.UTC(2026, 11, 31, 23))).toBe('2026-12-31');
});

test('what is no time is shown as not known', async () => {
  const { stampText, clockText, dayText, exactClockText } = await texts('local');
  for (const at of [Number.NaN, Number.POSITIVE_INFINITY, 9e15])
    expect([stampText(at), clockText(at), dayText(at), exactClockText(at)]).toEqual(['–', '–', '–', '–']);
  expect(exactClockText(-1)).toMatch(/:59\.999$/);
});

test('a browser that keeps nothing shows the page all the same', async () => {
  const storage = globalThis.localStorage;
  vi.stubGlobal('localStorage', undefined);
  const { setZone, stampText } = await texts('utc');
  expect(stampText(0)).toBe('1970-01-01 00:00:00 UTC');
  setZone('local');
  expect(stampText(0)).toBe('1970-01-01 01:00:00');
  vi.stubGlobal('localStorage', storage);
});
