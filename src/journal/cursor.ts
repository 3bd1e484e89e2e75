import { OptionError } from '../engine/errors/errors.ts';
import { optionProblem } from '../engine/errors/problem.ts';

/** A job's place in lists: `order` tells jobs with the same `createdAt` apart, and is higher for a later one. */
export type Place = { readonly createdAt: number; readonly order: number };

/** Encodes a place as opaque text. */
export const cursorOf = ({ createdAt, order }: Place): string =>
  Buffer.from(JSON.stringify([createdAt, order])).toString('base64url');

/** Decodes what `cursorOf` returned. @throws OptionError */
export const placeOf = (cursor: string): Place => {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const [createdAt, order] = place as readonly unknown[];
    if (Number.isFinite(createdAt) && Number.isSafeInteger(order))
      return { createdAt: createdAt as number, order: order as number };
  } catch {}
  const message = `The cursor ${JSON.stringify(cursor)} is none of a list of jobs. Pass on what the page before returned.`;
  throw new OptionError('The list of jobs', [optionProblem('cursor', message)]);
};
