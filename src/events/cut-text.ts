/** Cuts a text to at most so many characters, the count of what is missing included. */
export const cutText = (text: string, most: number): string => {
  if (text.length <= most) return text;
  const kept = wellFormed(text.slice(0, Math.max(0, most - NOTE_LENGTH)));
  return `${kept}… (${text.length - kept.length} more characters)`;
};

/** Room for the count of what is missing. */
const NOTE_LENGTH = 40;

/** Removes half of a surrogate pair from the end of a text, where a cut may leave it. */
export const wellFormed = (text: string): string => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text);
