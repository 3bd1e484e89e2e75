import type { ReactNode } from 'react';

/** What stands in a grid that has no rows, as a row: a grid may hold nothing else. */
export const OnlyRow = ({ children }: { readonly children: ReactNode }) => (
  // biome-ignore lint/a11y/useSemanticElements: as the grid
  // biome-ignore lint/a11y/useFocusableInteractive: there is nothing to go to
  <div role="row">
    {/* biome-ignore lint/a11y/useSemanticElements: as the grid */}
    {/* biome-ignore lint/a11y/useFocusableInteractive: there is nothing to go to */}
    <div role="gridcell">{children}</div>
  </div>
);
