/**
 * The characters that a terminal acts on or does not show: control characters, line and paragraph separators, and marks that change the
 * direction of writing. For `replaceAll` and `search`, which do not depend on where the last match ended.
 */
export const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/**
 * The text with each unprintable character escaped as in JSON, `\n` or `\u001b`, so that a name or a message that comes from a database
 * can neither move the cursor nor pass for another line. Backslashes stay as they are: the result is for reading, not for parsing. A text
 * that is JSON stays JSON, of the same value.
 */
export function printable(text: string): string {
  return text.replaceAll(unprintable, (char) => {
    const escaped = JSON.stringify(char).slice(1, -1)
    return escaped === char ? `\\u${hexCode(char)}` : escaped
  })
}

/** The code of a character as four hexadecimal digits: `001b`. */
export function hexCode(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, '0')
}
