/** Where a definition keeps its plan. */
export const PLAN: unique symbol = Symbol('plan');

/** Whether a value is a sealed definition. */
export const isDefinition = (value: unknown): boolean => typeof value === 'object' && value !== null && PLAN in value;

/** A sealed definition, whatever it takes and puts out, as the engine below its builder sees it. */
export type Sealed = {
  readonly name: string;
  readonly tasks: readonly { readonly name: string }[];
  readonly [PLAN]: unknown;
};
