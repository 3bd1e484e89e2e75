import { isoText } from '../../events/iso-text.ts';

/** Formats a duration for people: `7ms`, `1.2s`, `2m 05s`, `1h 02m`. */
export const formatDuration = (ms: number): string => {
  // The clock may have been set back between two processes of a job.
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
};

/** Formats a time as the local time of day: `12:00:01.234`. */
export const formatClock = (epochMs: number): string => {
  const date = new Date(epochMs);
  return `${timeOfDay(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
};

/** Formats a time as local date and time: `2024-05-01 12:00:01`. */
export const formatDate = (epochMs: number): string => {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) return isoText(epochMs);
  return `${[date.getFullYear(), date.getMonth() + 1, date.getDate()].map(two).join('-')} ${timeOfDay(date)}`;
};

const timeOfDay = (date: Date): string => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');

const two = (value: number): string => String(value).padStart(2, '0');
