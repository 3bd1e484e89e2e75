/** Writes a time as the clocks of a zone show it, with their offset from UTC: `2027-03-28T03:00:00+02:00`. */
export const localTime = (at: number, timezone: string): string => {
  const second = Math.floor(at / 1000) * 1000;
  const parts = new Map(
    formatOf(timezone)
      .formatToParts(second)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const local = `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}`;
  return local + offsetText((Date.parse(`${local}Z`) - second) / 60_000);
};

const offsetText = (minutes: number): string => {
  const digits = (value: number): string => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${digits(Math.floor(size / 60))}:${digits(Math.round(size % 60))}`;
};

const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** Making a format takes long, so each is made once; there are a few hundred zones. */
const formatOf = (timezone: string): Intl.DateTimeFormat => {
  const known = FORMATS.get(timezone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  FORMATS.set(timezone, made);
  return made;
};
