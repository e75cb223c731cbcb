import { sql } from 'kysely'

import type { Column } from '../driver/catalog.js'
import type { Side } from '../driver/session.js'
import { commonName, type TypeKind } from '../driver/types/column-type.js'
import { comparable, type Comparable } from '../driver/types/comparison.js'
import type { LoadPlan } from './load-plan.js'

/** The cell of `v` in a form of which both servers compute the same hash, and which is the same for the same value. */
export function comparableCell(
  { conversions }: Pick<LoadPlan, 'conversions'>,
  { name, definition }: Column,
  side: Side,
): Comparable {
  const cell = sql`v.${sql.id(name)}`
  const comparison = conversions.get(name)
  if (comparison) return comparable(comparison, definition, cell, side === 'source' ? 'exact' : 'stored')
  const type = commonName(definition)
  const value = sql`${cell}::${sql.raw(type)}`
  if (hashedAsTheyAre.has(definition.kind)) return { type, value }
  if (definition.kind === 'boolean') return { type: 'integer', value: sql`(${value})::integer` }
  return { type: 'text', value: sql`(${value})::text collate "C"` }
}

/** Types of which equal hashes mean equal texts; not so numeric, to which 1 and 1.0 are equal. */
const hashedAsTheyAre: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'timestamp', 'timestamptz'] as const),
])
