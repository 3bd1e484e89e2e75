import { keptInTab } from '../shell/kept.ts';

const keyOf = (unitId: string): string => `tintype.claim ${unitId}`;

/** How long a person may be silent about a unit that they have claimed, in ms. */
export const CLAIM_MS = 60 * 60 * 1000;

/** The token of the claim that this tab has made of a unit; workers need it for each command. */
export const claimOf = (unitId: string): string | undefined => keptInTab.get(keyOf(unitId));

/** Keeps it, also over a reload; undefined once there is none. */
export const keepClaim = (unitId: string, token: string | undefined): void => keptInTab.set(keyOf(unitId), token);
