/** Columns for running text: those of the terminal, of which more than 100 read badly; 80 in a pipe. */
export function textWidth(stream: { readonly columns?: number }): number {
  return Math.min(stream.columns ?? 80, 100)
}

/** Breaks text at spaces into lines of at most `width` characters, the second and later ones indented by `indent`. A longer word stays whole. */
export function wrap(text: string, width: number, indent = 0): string {
  const margin = ' '.repeat(indent)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`
    const room = width - (lines.length === 0 ? 0 : indent)
    if (line !== '' && longer.length > room) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line].join(`\n${margin}`)
}
