import { crc32 } from 'node:zlib';

/** Of a row: what it holds, in order, and whose it is. Absent values and empty ones differ. */
export const rowChecksum = (...values: readonly (string | number | null | undefined)[]): number =>
  crc32(values.map((value) => (value === undefined || value === null ? '' : `=${value}`)).join('\0'));

/** Of all events of a job: what each of theirs is built on. */
export const jobSeed = (jobId: string): number => crc32(jobId);

/** Of an event, with its output, or the checksum of an output that is kept apart. */
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

/** Of an output that is kept apart. */
export const largeChecksum = (seed: number, seq: number, output: string): number =>
  crc32(output, crc32(`${seq} large`, seed));
