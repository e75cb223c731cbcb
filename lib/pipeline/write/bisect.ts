import { clearStage, type LoadPlan } from '../../postgres/target/upsert.js'
import { refusalOf, type Refusal } from '../../postgres/target/row-errors.js'
import { backToSavepoint, moveSavepoint } from '../../postgres/driver/savepoint.js'
import type { Session } from '../../postgres/driver/session.js'
import type { Portion } from './chunk.js'

export interface Writing {
  readonly target: Session
  readonly plan: LoadPlan
  /** Writes a portion through the stage, which is empty. */
  write(portion: Portion): Promise<void>
  /** Told of each row that the target refuses; an error thrown here ends it all. */
  refuse(portion: Portion, refusal: Refusal): void
}

/**
 * Writes a portion, in the transaction that is open, where the savepoint stands right before it. When the target refuses a row of it,
 * everything but the rows that it refuses is written: it goes back to the savepoint and tries each half by itself. A failure that is
 * not about a row is thrown. For k refused rows among n it takes about k log n tries, and no memory but that of the portion. Gives whether
 * the last try wrote something, which the stage then holds; else the stage is empty.
 */
export async function writeApart(writing: Writing, portion: Portion): Promise<boolean> {
  const { target, plan, write, refuse } = writing
  try {
    await write(portion)
    return true
  } catch (error) {
    const refusal = refusalOf(error, plan.columns)
    if (!refusal) throw error
    await target.script([backToSavepoint])
    if (portion.count === 1) {
      refuse(portion, refusal)
      return false
    }
  }
  let isWritten = false
  for (const half of portion.halves()) {
    if (isWritten) await target.script([clearStage, ...moveSavepoint])
    isWritten = await writeApart(writing, half)
  }
  return isWritten
}
