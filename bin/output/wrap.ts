import { printable } from '../../lib/domain/printable.js'

/** Columns for running text: the width of the terminal, but at most 100 for readability; no limit in a pipe, so that lines stay lines. */
export function textWidth(stream: { readonly columns?: number }): number {
  // A terminal that does not know its width says 0.
  return stream.columns === undefined ? Infinity : Math.min(stream.columns || 80, 100)
}

/**
 * Breaks text at spaces into lines of at most `width` characters; a longer word stays whole. All lines but the first are indented by another
 * `margin` spaces. Spaces within a line are kept, because a name in a statement may contain several. Unprintable characters are escaped.
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
