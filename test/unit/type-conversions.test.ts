import { readFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import type { ColumnType } from '../../lib/postgres/driver/types/column-type.js'
import { conversionOf } from '../../lib/postgres/driver/types/conversion.js'
import { typeSamples } from '../fixtures/type-samples.js'

const mark = { same: '=', 'by value': 'v', mismatch: '.' } as const

it('decides every pair of types as it is written down', async () => {
  const path = new URL('../fixtures/type-definitions.jsonl', import.meta.url)
  const described = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const definitions = described.map((line) => JSON.parse(line) as ColumnType)
  expect(definitions.map(({ full }) => full)).toHaveLength(typeSamples.length)
  const lines = definitions.map((from) => {
    const decided = definitions.map((to) => mark[conversionOf(withoutGaps(from), withoutGaps(to))])
    return `${from.full.padEnd(28)} ${decided.join('')}`
  })
  const legend = [
    'A line a type of the source, a character a type of the target, in the same order:',
    '= arrives as it is or is rejected by the server, v is compared by value, . is a COLUMN_TYPE_MISMATCH',
  ]
  await expect([...legend, ...lines, ''].join('\n')).toMatchFileSnapshot('../fixtures/type-conversions.txt')
})

/** JSON knows no undefined. */
function withoutGaps(type: ColumnType): ColumnType {
  return { ...type, element: type.element && withoutGaps(type.element) }
}
