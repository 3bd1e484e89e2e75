/** Returns Mermaid's axis settings for a chart of this length: at most nine marks, up to a length of eight years. */
export const timeAxis = (lengthMs: number): { readonly axisFormat: string; readonly tickInterval: string } => {
  const [stepMs, tickInterval] = STEPS.find(([step]) => lengthMs <= step * MAX_STEPS) ?? LONGEST;
  return { axisFormat: formatOf(stepMs, lengthMs), tickInterval };
};

const formatOf = (stepMs: number, lengthMs: number): string => {
  if (stepMs < SECOND) return '%H:%M:%S.%L';
  if (stepMs < MINUTE) return '%H:%M:%S';
  if (stepMs >= DAY) return '%Y-%m-%d';
  return lengthMs < DAY ? '%H:%M' : '%m-%d %H:%M';
};

const MAX_STEPS = 8;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Step = readonly [stepMs: number, tickInterval: string];

const steps = (unitMs: number, unit: string, counts: readonly number[]): Step[] =>
  counts.map((count) => [count * unitMs, `${count}${unit}`]);

const STEPS: readonly Step[] = [
  ...steps(1, 'millisecond', [1, 2, 5, 10, 20, 50, 100, 200, 500]),
  ...steps(SECOND, 'second', [1, 2, 5, 10, 15, 30]),
  ...steps(MINUTE, 'minute', [1, 2, 5, 10, 15, 30]),
  ...steps(HOUR, 'hour', [1, 2, 3, 6, 12]),
  ...steps(DAY, 'day', [1, 2]),
  ...steps(7 * DAY, 'week', [1, 2]),
  ...steps(30 * DAY, 'month', [1, 3, 6]),
];

const LONGEST: Step = [360 * DAY, '12month'];
