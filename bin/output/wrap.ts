/** Columns for running text: those of the terminal, of which more than 100 read badly; in a pipe no limit, so that lines stay lines. */
export function textWidth(stream: { readonly columns?: number }): number {
  return stream.columns === undefined ? Infinity : Math.min(stream.columns, 100)
}

/**
 * Breaks text at spaces into lines of at most `width` characters; a longer word stays whole. All but the first begin with `margin` spaces
 * more. Within a line, spaces stay as many as they are, as a name in a statement may have several.
 */
export function wrap(text: string, width: number, margin = 0): string {
  const lines: string[] = []
  let line: string | undefined
  for (const word of text.split(/\s*\n\s*| /).map(printable)) {
    const longer = line === undefined ? word : `${line} ${word}`
    if (line !== undefined && longer.length > width) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line ?? ''].join(`\n${' '.repeat(margin)}`)
}

/** The text with control characters, and those that turn the direction of writing, as escapes: a name from a database must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
