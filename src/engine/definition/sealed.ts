/** Key under which a sealed definition holds its plan. */
export const PLAN: unique symbol = Symbol('plan');

export const isDefinition = (value: unknown): boolean => typeof value === 'object' && value !== null && PLAN in value;

/** A sealed definition of any input and output, as the code below the builder sees it. */
export type Sealed = {
  readonly name: string;
  readonly tasks: readonly { readonly name: string }[];
  readonly [PLAN]: unknown;
};
