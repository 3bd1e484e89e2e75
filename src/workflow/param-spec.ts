export type ParamType = 'string' | 'integer' | 'number' | 'boolean' | 'list' | 'mapping';

/** A param as the workflow declares it. */
export type ParamSpec = {
  readonly name: string;
  readonly type: ParamType;
  /** If absent, the param is required. */
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
};
