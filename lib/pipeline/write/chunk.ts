import type { KeyType } from '../../postgres/driver/copy-tuples.js'
import {
  appendRows,
  appendTuples,
  stageRows,
  stageTuples,
  type LoadPlan,
} from '../../postgres/target/upsert.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import { firstKey, halveTuples, type TuplePieces } from '../../postgres/driver/tuple-halves.js'

/** Rows that are written together, whichever form they have, and that can be halved down to a single one. */
export interface Portion {
  readonly count: number
  /** Fills the stage. */
  stage(target: Session, plan: LoadPlan): Promise<void>
  /** Puts the rows straight into the table. */
  append(target: Session, plan: LoadPlan): Promise<void>
  /** Of more than one row. */
  halves(): readonly [Portion, Portion]
  /** Key of the first row, as text. */
  key(): string
  /** The first row as texts; undefined for rows in binary. */
  cells(): Cells | undefined
}

/** `keyAt` is the place of the key among the cells. */
export function portionOfRows(rows: readonly Cells[], keyAt: number): Portion {
  const middle = rows.length >> 1
  return {
    count: rows.length,
    stage: (target, plan) => stageRows(target, plan, rows),
    append: (target, plan) => appendRows(target, plan, rows),
    halves: () => [portionOfRows(rows.slice(0, middle), keyAt), portionOfRows(rows.slice(middle), keyAt)],
    key: () => rows[0]?.[keyAt] ?? '',
    cells: () => rows[0],
  }
}

/** `keyAt` is the place of the key among the columns. */
export function portionOfTuples(tuples: TuplePieces, keyAt: number, keyType: KeyType): Portion {
  return {
    count: tuples.count,
    stage: (target, plan) => stageTuples(copyOf(target), plan, tuples),
    append: (target, plan) => appendTuples(copyOf(target), plan, tuples),
    halves: () => {
      const [first, second] = halveTuples(tuples)
      return [portionOfTuples(first, keyAt, keyType), portionOfTuples(second, keyAt, keyType)]
    },
    key: () => firstKey(tuples, keyAt, keyType),
    cells: () => undefined,
  }
}

function copyOf({ copy }: Session) {
  if (!copy) throw new TypeError('Binary rows need a target that can COPY.')
  return copy
}
