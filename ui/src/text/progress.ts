import { durationText } from './duration.ts';

/** How far a job is: `fraction` from 0 to 1, `leftMs` in ms. */
export type Progress = { readonly fraction: number; readonly leftMs?: number };

/** `62 % done, about 3 m 05 s left`; nothing of a job of which it is not known. */
export const progressText = (progress: Progress | undefined): string | undefined =>
  progress &&
  `${Math.floor(progress.fraction * 100)} % done${progress.leftMs === undefined ? '' : `, about ${durationText(progress.leftMs)} left`}`;
