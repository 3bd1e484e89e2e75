import type { StartOptions } from './options.ts';
import type { Plan } from './plan.ts';

/** Merges a start's options over the definition's. `undefined` keeps the definition's value; pools merge by name. */
export const mergedOptions = (defined: Plan['options'], started: StartOptions): StartOptions => {
  const options: Record<string, unknown> = { ...defined };
  for (const [key, value] of Object.entries(started)) if (value !== undefined) options[key] = value;
  if (defined.pools && started.pools) options.pools = { ...defined.pools, ...started.pools };
  return options;
};
