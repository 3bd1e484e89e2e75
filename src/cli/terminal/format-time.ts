/** Formats a duration for people: `7ms`, `1.2s`, `2m 05s`, `1h 02m`. */
export const formatDuration = (ms: number): string => {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
};

/** Formats a time as the local time of day: `12:00:01.234`. */
export const formatClock = (epochMs: number): string => {
  const date = new Date(epochMs);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
};

const two = (value: number): string => String(value).padStart(2, '0');
