import { isolate } from '../../events/isolate.ts';
import type { Inspect } from '../definition/options.ts';

/** Wraps an inspection callback so that its errors can't harm the job. */
export const isolatedInspect = (inspect: Inspect): ((event: { readonly type: string }) => void) => {
  const isolated = isolate('The inspector of a job');
  return (event) => isolated(() => (typeof inspect === 'function' ? inspect(event) : inspect.next?.(event)));
};
