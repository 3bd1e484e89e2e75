import { crc32 } from 'node:zlib';

/** Returns the CRC-32 of a row's values, the owner first, to detect a moved row. Absent and empty values differ. */
export const rowChecksum = (...values: readonly (string | number | null | undefined)[]): number =>
  crc32(values.map((value) => (value === undefined || value === null ? '' : `=${value}`)).join('\0'));

/** Returns the start value for the checksums of a job's events, which ties them to the job. */
export const jobSeed = (jobId: string): number => crc32(jobId);

/** `large` is the checksum of an output in a table of its own, else `null`. */
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
