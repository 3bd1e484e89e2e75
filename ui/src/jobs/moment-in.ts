const DATE = /^\d{4}-\d\d-\d\d(?<clock>[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(?<zone>Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Epoch ms of what an address says: ms, or an ISO date, which is in UTC unless it says its zone, so that an address means the
 * same everywhere. Undefined if it is neither.
 */
export const momentIn = (text: string): number | undefined => {
  const match = DATE.exec(text);
  const { clock, zone } = match?.groups ?? {};
  const ms = match ? Date.parse(text.replace(' ', 'T') + (clock && !zone ? 'Z' : '')) : Number(text);
  return text.trim() === '' || !Number.isFinite(ms) ? undefined : ms;
};
