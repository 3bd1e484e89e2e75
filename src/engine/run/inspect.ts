import { shield } from '../../events/shield.ts';
import type { Inspect } from '../definition/options.ts';

/** Wraps an inspection callback so that its errors can't harm the job. */
export const shieldedInspect = (inspect: Inspect): ((event: { readonly type: string }) => void) => {
  const shielded = shield('The inspector of a job');
  return (event) => shielded(() => (typeof inspect === 'function' ? inspect(event) : inspect.next?.(event)));
};
