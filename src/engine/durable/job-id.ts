import { createHash } from 'node:crypto';

/** Derives the id of a job from its name and key, as a UUID of version 8 (RFC 9562, 5.8). */
export const jobIdOf = (name: string, key: string): string => {
  const hash = createHash('sha256')
    .update(JSON.stringify([name, key]))
    .digest('hex');
  const variant = '89ab'[Number.parseInt(hash[16] as string, 16) % 4];
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};
