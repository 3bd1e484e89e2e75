import type { Printer } from './printer.ts';
import { STATE_STYLES } from './state-style.ts';

export const paintState =
  ({ style }: Pick<Printer, 'style'>) =>
  (state: string): string =>
    style(state === 'interrupted' ? 'yellow' : STATE_STYLES[state as keyof typeof STATE_STYLES], state);
