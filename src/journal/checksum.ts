import { crc32 } from 'node:zlib';

/** Returns the CRC-32 of a row's values. The first should be the owner's id, to detect a row moved to another owner. */
export const rowChecksum = (...values: readonly (string | number | null | undefined)[]): number =>
  crc32(values.map((value) => (value === undefined || value === null ? '' : `=${value}`)).join('\0'));

/** Returns the checksum of a row of the feed. `id` is the job's, in stored form. */
export const changeChecksum = (id: string, position: number, fromSeq: number, toSeq: number): number =>
  crc32(`${id}\0${position} ${fromSeq} ${toSeq}`);

/** Returns the start value for the checksums of a job's events, which ties them to the job. */
export const jobSeed = (jobId: string): number => crc32(jobId);

/** `large`: the checksum of an output that is stored in the table `large`, else `null`. */
export const eventChecksum = (
  seed: number,
  seq: number,
  data: string,
  output: string | null,
  large: number | null,
): number => {
  const ofData = crc32(data, crc32(`${seq}`, seed));
  if (large !== null) return crc32(`\0large ${large}`, ofData);
  return output === null ? ofData : crc32(output, crc32('\0', ofData));
};

export const largeChecksum = (seed: number, seq: number, output: string): number =>
  crc32(output, crc32(`${seq} large`, seed));
