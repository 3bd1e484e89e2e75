import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import type { Env } from './env.ts';

/** Answers a text of JSON, zipped if the client takes that. */
export const answerJson = async (context: Context<Env>, json: string): Promise<never> => {
  context.header('vary', 'Accept-Encoding', { append: true });
  context.header('content-type', 'application/json');
  if (!takesGzip(context.req.header('accept-encoding'))) return context.body(json, 200) as never;
  context.header('content-encoding', 'gzip');
  return context.body(await zipped(json), 200) as never;
};

const zipped = promisify<string, Buffer<ArrayBuffer>>(gzip);

const takesGzip = (header = ''): boolean => /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(header);
