/** The largest output that a journal takes unless it is told otherwise, in bytes of its JSON: 16 MiB. */
export const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
