/** An array as JavaScript has it: of any depth. */
export type Nested = readonly (string | null | Nested)[]

/**
 * The elements of an array as PostgreSQL writes it, `{a,"b c",NULL}` or `{{a},{b}}`; undefined for another text. Bounds that do not begin at 1, as
 * in `[5:6]={a,b}`, are passed over.
 */
export function parseArray(text: string): Nested | undefined {
  const tokens = text.slice(text.indexOf('{')).matchAll(/"((?:[^"\\]|\\.)*)"|([{},])|((?:[^"{},\\]|\\.)+)/gs)
  const root: (string | null | Nested)[] = []
  const open = [root]
  for (const [, quoted, mark, bare] of tokens) {
    const inner = open.at(-1)
    if (!inner) return undefined
    if (quoted !== undefined) inner.push(unescaped(quoted))
    else if (bare !== undefined) inner.push(bare === 'NULL' ? null : unescaped(bare))
    else if (mark === '{') {
      const next: (string | null | Nested)[] = []
      inner.push(next)
      open.push(next)
    } else if (mark === '}') open.pop()
  }
  const [only] = root
  return open.length === 1 && root.length === 1 && typeof only === 'object' && only !== null
    ? only
    : undefined
}

const unescaped = (text: string) => text.replaceAll(/\\(.)/gs, '$1')

/** An array of any depth as PostgreSQL reads it; `toText` makes the text of an element that is no array. */
export function writeArray(values: readonly unknown[], toText: (value: unknown) => string | null): string {
  const elements = values.map((value: unknown) => {
    if (Array.isArray(value)) return writeArray(value, toText)
    const text = toText(value)
    return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
  })
  return `{${elements.join(',')}}`
}
