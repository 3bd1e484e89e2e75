/** Formats a duration, exact to the ms: `7ms`, `1.25s`, `2m5s`, `1h0m3.5s`. */
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
