/* The parts of a grid of which only the rows in sight are in the document. A table can't hold such rows, so roles say what
 * these are; whoever has the focus is the grid or what scrolls in it, never a row. The rules of lint that ask for a table, and
 * for focus on each row, are answered here once. */
import type { ComponentProps, ReactNode } from 'react';

export const Grid = (props: ComponentProps<'div'>) => (
  // biome-ignore lint/a11y/useSemanticElements: a table can't hold rows that are not in the document
  <div role="grid" {...props} />
);

export const RowGroup = (props: ComponentProps<'div'>) => (
  // biome-ignore lint/a11y/useSemanticElements: a table can't hold rows that are not in the document
  <div role="rowgroup" {...props} />
);

/** A row; the page or the grid answers the keys that do what a click does. */
export const GridRow = (props: ComponentProps<'div'>) => (
  // biome-ignore lint/a11y/useSemanticElements: a table can't hold rows that are not in the document
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <div role="row" {...props} />
);

export const GridCell = (props: ComponentProps<'span'>) => (
  // biome-ignore lint/a11y/useSemanticElements: a table can't hold rows that are not in the document
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <span role="gridcell" {...props} />
);

export const ColumnHeading = (props: ComponentProps<'span'>) => (
  // biome-ignore lint/a11y/useSemanticElements: a table can't hold rows that are not in the document
  // biome-ignore lint/a11y/useFocusableInteractive: a heading is not gone to
  <span role="columnheader" {...props} />
);

/** What stands in a grid that has no rows, as a row: a grid may hold nothing else. */
export const OnlyRow = ({ children }: { readonly children: ReactNode }) => (
  <GridRow>
    <GridCell>{children}</GridCell>
  </GridRow>
);
