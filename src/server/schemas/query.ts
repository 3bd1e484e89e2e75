import { z } from '@hono/zod-openapi';

/** A whole number of a query. `z.coerce` would take an empty text for 0, and describe the parameter as nullable. */
export const wholeNumber = (min: number, max: number) => z.preprocess(numberIn, z.int().min(min).max(max));

/** A time of a query, in epoch ms. */
export const timeOf = (description: string) =>
  z
    .preprocess(numberIn, z.number())
    .optional()
    .meta({ description: `${description}, in epoch ms` });

const numberIn = (given: unknown): unknown =>
  typeof given === 'string' && /^-?\d{1,16}(\.\d{1,16})?$/.test(given) ? Number(given) : given;
