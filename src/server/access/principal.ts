/** What a token allows. `viewer` reads all; `worker` does units of its owners; `operator` starts and steers jobs; `admin` does all. */
export const ROLES = ['viewer', 'worker', 'operator', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Who asks. */
export type Principal = {
  /** The id of the token; `open` where no token is needed. */
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The owners whose units a worker may see and do. Default: those of all. */
  readonly owners: readonly string[] | undefined;
};

/** The roles that include another: an operator may do what a viewer may, an admin what both may. */
const INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer', 'operator', 'admin'],
  worker: ['worker', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

/** Whether somebody has one of the roles, or one that includes it. */
export const hasRole = ({ roles }: Principal, ...wanted: readonly Role[]): boolean =>
  wanted.some((role) => INCLUDES[role].some((one) => roles.includes(one)));

/** Whether somebody sees and does units of their own owners alone. */
export const isBoundToOwners = (principal: Principal): boolean => !hasRole(principal, 'viewer');

/** Whether somebody may see and do the units of an owner. Units without an owner belong to operators. */
export const mayWorkFor = (principal: Principal, owner: string | undefined): boolean =>
  hasRole(principal, 'operator') ||
  (hasRole(principal, 'worker') &&
    owner !== undefined &&
    (principal.owners === undefined || principal.owners.includes(owner)));

/** Whoever asks a server on the loopback address that has no tokens. */
export const OPEN: Principal = { id: 'open', name: 'anybody', roles: ['admin'], owners: undefined };
