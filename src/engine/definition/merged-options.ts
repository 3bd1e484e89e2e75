import type { StartOptions } from './options.ts';
import type { Plan } from './plan.ts';

/** The options of a start laid over those of the definition: `undefined` means the default, or what the definition says. */
export const mergedOptions = (defined: Plan['options'], started: StartOptions): StartOptions => {
  const options: Record<string, unknown> = { ...defined };
  for (const [key, value] of Object.entries(started)) if (value !== undefined) options[key] = value;
  if (defined.pools && started.pools) options.pools = { ...defined.pools, ...started.pools };
  return options;
};
