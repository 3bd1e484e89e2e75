const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Matches a duration as text in a workflow file: `500ms`, `30s`, `1.5h`. */
export const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/;

/** Converts a duration to ms. A number is already in ms; text carries its unit and must match `DURATION`. */
export const durationMs = (duration: number | string): number => {
  if (typeof duration === 'number') return duration;
  const [, amount = '', unit = ''] = DURATION.exec(duration) ?? [];
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
};
