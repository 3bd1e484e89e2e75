/** The default of the option `maxOutputBytes` of both journals, in bytes of JSON: 16 MiB. */
export const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
