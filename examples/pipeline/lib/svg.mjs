export const INK = '#1f2933';
export const MUTED = '#5f6b7a';
export const GRID = '#e3e7ec';

/** One SVG element; children are elements already drawn, or nothing. */
export const tag = (name, attributes, ...children) => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(tidy(value))}"`);
  const inside = children.flat().join('');
  return inside === '' ? `<${name}${written.join('')}/>\n` : `<${name}${written.join('')}>${inside}</${name}>\n`;
};

export const group = (x, y, ...children) => tag('g', { transform: `translate(${x} ${y})` }, '\n', ...children);

export const line = (x1, y1, x2, y2, stroke = GRID, more = {}) => tag('line', { x1, y1, x2, y2, stroke, ...more });

/** Text whose foot is at `y`; `more` sets the anchor, size, weight or colour. */
export const text = (x, y, content, more = {}) =>
  tag('text', { x, y, 'font-size': 13, fill: MUTED, ...more }, escapeText(content));

/** A function from values to pixels along a straight line. */
export const linear =
  ([low, high], [from, to]) =>
  (value) =>
    from + ((value - low) / (high - low)) * (to - from);

/** A number as an axis shows it, with a real minus sign. */
export const signed = (value) => String(value).replace('-', '−');

/** Round numbers, `step` apart, that cover `low` to `high`. */
export const steps = (low, high, step) => {
  const first = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - first + 1 }, (_, index) => (first + index) * step);
};

const escapeText = (value) =>
  String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const tidy = (value) => (typeof value === 'number' ? Number(value.toFixed(2)) : value);
