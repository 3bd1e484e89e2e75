const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');

/** A duration in ms as a person reads it: `240 ms`, `12 s`, `3 m 05 s`, `2 h 10 m`, `4 d 3 h`; `–` if it is not known. */
export const durationText = (ms: number | undefined): string => {
  if (ms === undefined || !(ms >= 0) || !Number.isFinite(ms)) return '–';
  const seconds = ms / 1000;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} m ${two(Math.round(seconds) % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

/** How long ago, from a duration in ms: `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`. */
export const agoText = (ms: number): string => {
  if (!Number.isFinite(ms)) return '–';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
};
