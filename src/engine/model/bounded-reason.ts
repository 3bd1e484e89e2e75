import { cutText } from '../../events/cut-text.ts';

/** Maximum length of the reason of a transition. */
export const MAX_REASON = 4_096;

/** How many checks of a sensor have reasons of that length; those of later checks are cut at `MAX_LATER_REASON`. */
export const MAX_WHOLE_REASONS = 100;
export const MAX_LATER_REASON = 100;

/** Cuts a reason that is too long. `checks`: the number of checks of a sensor so far. */
export const boundedReason = (reason: string, checks = 0): string =>
  cutText(reason, checks > MAX_WHOLE_REASONS ? MAX_LATER_REASON : MAX_REASON);
