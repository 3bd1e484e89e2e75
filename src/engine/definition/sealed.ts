/** Key under which a sealed definition holds its plan. */
export const PLAN: unique symbol = Symbol('plan');

export const isDefinition = (value: unknown): boolean => typeof value === 'object' && value !== null && PLAN in value;

/** A `JobDefinition` without its types. Lower folders use this type, since they must not import the class. */
export type Sealed = {
  readonly name: string;
  readonly tasks: readonly { readonly name: string }[];
  readonly [PLAN]: unknown;
};
