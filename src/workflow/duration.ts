const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What a duration in a file looks like as text: `500ms`, `30s`, `1.5h`. */
export const DURATION = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/;

/** A duration in ms: a number is ms already, a text carries its unit. */
export const durationMs = (duration: number | string): number => {
  if (typeof duration === 'number') return duration;
  const [, amount = '', unit = ''] = DURATION.exec(duration) ?? [];
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
};
