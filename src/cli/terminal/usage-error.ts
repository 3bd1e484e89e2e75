/** Thrown when a command line is wrong. Commands exit with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
