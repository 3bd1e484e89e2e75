import { isoText } from '../../events/iso-text.ts';

/** Formats a time as local date and time: `2024-05-01 12:00:01`. */
export const formatDate = (epochMs: number): string => {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) return isoText(epochMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(two).join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
};

const two = (value: number): string => String(value).padStart(2, '0');
