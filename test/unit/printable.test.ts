import { expect, it } from 'vitest'

import { printable } from '../../lib/domain/printable.js'

it.each([
  ['plain ção 漢字 🙂', 'plain ção 漢字 🙂'],
  ['two\nlines\tand a tab', String.raw`two\nlines\tand a tab`],
  ['\u001b[2J\u007f\u009b1m', String.raw`\u001b[2J\u007f\u009b1m`],
  ['a\u2028b\u2029c', String.raw`a\u2028b\u2029c`],
  ['\u202egpj.exe\u2066', String.raw`\u202egpj.exe\u2066`],
  [String.raw`back\slash`, String.raw`back\slash`],
])('%j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

it('a text that is JSON keeps its value', () => {
  const value = { name: 'a\u009bb\u2028c', text: 'line\nline', quote: '"\\' }
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value)
})
