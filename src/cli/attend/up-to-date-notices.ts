import { NOT_KEPT, type UpToDateCheck } from '../../workflow/up-to-date.ts';

/** Hands over what prints the lines. Called when the job is displayed. */
export type Notices = (print: (line: string) => void) => void;

/**
 * Makes lines of the checks of tasks that may be up to date: with `--why` one for each, else one in all if the job is
 * not kept, so that no task can be.
 */
export const upToDateNotices = ({
  why,
  quiet,
  force,
}: {
  readonly why?: boolean;
  readonly quiet?: boolean;
  readonly force?: boolean;
}): { readonly check: (check: UpToDateCheck) => void; readonly notices: Notices } => {
  let print: (line: string) => void = () => {};
  let hasWarned = quiet || force;
  return {
    check: ({ task, upToDate, reasons }) => {
      if (why) print(upToDate ? `${task} is up to date` : `${task} runs: ${shortened(reasons)}`);
      if (hasWarned || !reasons.includes(NOT_KEPT)) return;
      hasWarned = true;
      print(`warning: Tasks with sources or generates run, whether they are up to date or not: ${NOT_KEPT}.`);
    },
    notices: (given) => {
      print = given;
    },
  };
};

const shortened = (reasons: readonly string[]): string =>
  reasons.length <= MAX_REASONS
    ? reasons.join('; ')
    : `${reasons.slice(0, MAX_REASONS).join('; ')}; and ${reasons.length - MAX_REASONS} more`;

const MAX_REASONS = 10;
