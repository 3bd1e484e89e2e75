/** The version of tintype, as in package.json, which stands beside no bundle. */
export const VERSION = '0.1.0';
