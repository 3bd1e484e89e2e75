/**
 * An epoch time in ms as `2024-02-29T12:34:56.789Z`.
 *
 * The calendar is reckoned as in Howard Hinnant's `civil_from_days`, https://howardhinnant.github.io/date_algorithms.html.
 */
export const isoTime = (epochMs: number): string => {
  const ms = Math.floor(epochMs);
  const days = Math.floor(ms / DAY_MS);
  const inDay = ms - days * DAY_MS;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const date = `${padded(year, 4)}-${padded(month)}-${padded(day)}`;
  const time = [inDay / HOUR_MS, (inDay / MINUTE_MS) % 60, (inDay / SECOND_MS) % 60].map((part) =>
    padded(Math.floor(part)),
  );
  return `${date}T${time.join(':')}.${padded(inDay % SECOND_MS, 3)}Z`;
};

/** A span of time, exact to the ms: `7ms`, `1.25s`, `2m5s`, `1h0m3.5s`. */
export const durationText = (durationMs: number): string => {
  const ms = Math.max(0, Math.round(durationMs));
  if (ms < SECOND_MS) return `${ms}ms`;
  const seconds = `${(ms % MINUTE_MS) / SECOND_MS}s`;
  if (ms < MINUTE_MS) return seconds;
  const minutes = `${Math.floor(ms / MINUTE_MS) % 60}m${seconds}`;
  return ms < HOUR_MS ? minutes : `${Math.floor(ms / HOUR_MS)}h${minutes}`;
};

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const padded = (value: number, digits = 2): string => String(value).padStart(digits, '0');
