/**
 * The escape sequences of ECMA-48, which a terminal obeys and does not show: control strings such as a title, control
 * sequences such as a colour, and two-character escapes. Another sequence ends a control string, as on terminals: so
 * finding them takes time in proportion to the text. The mask and the screen remove the same ones.
 */
export const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with control characters
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c|(?=[\x1b\x80-\x9f]))|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g;

/**
 * Source of an expression with the flag `u`: marks that turn the direction of text, and those without width, except the
 * joiners that emoji and scripts need.
 */
export const HIDDEN_MARKS =
  '[\\p{Bidi_Control}\\u200b\\u2060-\\u2064\\u206a-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]';
