/** What the server says of one task; see `Task` in /openapi.json. */
export type TaskDetails = {
  readonly path: string;
  readonly state: string;
  readonly reason?: string;
  /** Who has asked that it pauses as soon as it is ready. */
  readonly heldBy?: string;
  readonly attempts: number;
  readonly error?: ErrorDetails;
  readonly progress?: { readonly fraction: number; readonly message?: string };
  readonly claim?: { readonly worker: string; readonly leaseEndsAt?: number };
  readonly owner?: string;
  readonly data?: unknown;
  readonly output?: unknown;
};

export type ErrorDetails = {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: unknown;
  readonly cause?: ErrorDetails;
};
