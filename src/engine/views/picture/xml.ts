/* The SVG of a graph: `picture.ts` has what is drawn of a job or definition, `sizes.ts` measures boxes for the layout, `draw-box.ts`
 * and `draw-cells.ts` draw them in the classes of `styles.ts`. `xml.ts` escapes text. `svg.ts` puts it all together. */

/** Escapes text for XML. Characters that XML can't hold become U+FFFD. */
export const xmlText = (text: string): string =>
  text
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\t\n])[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (character) => ENTITIES[character] as string);

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Formats a coordinate. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Returns an element. `content` is XML. */
export const element = (name: string, attributes: Attributes, content?: string): string => {
  const text = Object.entries(attributes)
    .map(([key, value]) => {
      if (value === undefined) return '';
      return ` ${key}="${typeof value === 'number' ? px(value) : xmlText(value)}"`;
    })
    .join('');
  return content === undefined ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`;
};
