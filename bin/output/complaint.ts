import { printable, textWidth, wrap } from './wrap.js'

/** Says on stderr what is wrong: in one line, or on a terminal in lines that end between words. */
export function complain(text: string): void {
  const line = `chatwoot-sync: ${text.trim().replaceAll(/\s*\n\s*/g, ' ')}`
  const width = textWidth(process.stderr)
  process.stderr.write(`${width === Infinity ? printable(line) : wrap(line, width - 2, 2)}\n`)
}
