import type { ComponentProps } from 'react';

export type ScrollingProps = ComponentProps<'section'> & { readonly 'aria-label': string };

/** A part of the page that scrolls. It is reached by Tab: without a mouse, what is out of sight can't be read otherwise. */
export const Scrolling = (props: ScrollingProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: the rule knows no part that scrolls, which WCAG 2.1.1 asks to be reached by keyboard
  <section tabIndex={0} {...props} />
);
