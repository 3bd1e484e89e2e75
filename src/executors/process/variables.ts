/**
 * The variables that tintype sets for an attempt. A tintype that runs within a command of another has those of the
 * outer attempt in its own environment; its commands get only their own.
 */
const OF_ATTEMPT = [
  'TINTYPE_CONTEXT',
  'TINTYPE_OUTPUT',
  'TINTYPE_JOB_ID',
  'TINTYPE_JOB_NAME',
  'TINTYPE_TASK',
  'TINTYPE_ATTEMPT',
  'TINTYPE_ITEM',
  'TINTYPE_ITEM_FILE',
  'TINTYPE_INDEX',
  'TINTYPE_JOB_STATE',
  'TINTYPE_JOB_ERROR',
  'TINTYPE_JOB_ERROR_FILE',
] as const;

export type AttemptVariable = (typeof OF_ATTEMPT)[number];

/** Returns the environment of this process without the variables of an outer attempt. */
export const inheritedEnv = (): Record<string, string | undefined> => withoutAttempt({ ...process.env });

/** Removes the variables of an outer attempt. */
export const withoutAttempt = <Env extends Record<string, string | undefined>>(env: Env): Env => {
  for (const name of OF_ATTEMPT) delete env[name];
  return env;
};

/**
 * The longest text in a variable or argument, in bytes of UTF-8. Linux starts no command with one of 128 KiB; a longer
 * item, error message or command goes by file.
 */
export const MAX_ARGUMENT_BYTES = 100_000;

export const isTooLong = (text: string): boolean =>
  text.length > MAX_ARGUMENT_BYTES / 3 && Buffer.byteLength(text) > MAX_ARGUMENT_BYTES;

/**
 * Makes any text a variable that the system takes: without NUL characters, cut if it is too long. A scope that a program
 * made itself may lack the text.
 */
export const variableText = (text = ''): string => {
  const whole = text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
  return isTooLong(whole) ? `${whole.slice(0, MAX_ARGUMENT_BYTES / 4)}…` : whole;
};
