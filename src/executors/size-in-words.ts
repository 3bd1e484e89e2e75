/** Returns a limit in bytes as a message has it: `10 MiB`, `1,000 bytes`. */
export const sizeInWords = (bytes: number): string =>
  bytes > 0 && bytes % MIB === 0 ? `${bytes / MIB} MiB` : `${bytes.toLocaleString('en-US')} bytes`;

const MIB = 2 ** 20;
