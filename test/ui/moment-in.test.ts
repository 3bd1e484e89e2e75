import { expect, test } from 'vitest';
import { momentIn } from '../../ui/src/jobs/moment-in.ts';

test.each([
  ['1767225600000', '2026-01-01T00:00:00.000Z'],
  ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ['2026-01-01T12:30', '2026-01-01T12:30:00.000Z'],
  ['2026-01-01 12:30:05', '2026-01-01T12:30:05.000Z'],
  ['2026-01-01T12:30:05.5Z', '2026-01-01T12:30:05.500Z'],
  ['2026-01-01T12:30+02:00', '2026-01-01T10:30:00.000Z'],
])('%s in an address is %s', (text, at) => {
  expect(new Date(momentIn(text) as number).toISOString()).toBe(at);
});

test.each(['', ' ', 'yesterday', '2026-13-01', '1.1.2026', '1e999'])('"%s" is no time', (text) => {
  expect(momentIn(text)).toBe(undefined);
});
