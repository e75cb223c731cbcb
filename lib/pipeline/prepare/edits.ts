import type { EditBounds } from '../../chatwoot/feeds.js'
import type { Micros } from '../../domain/micros.js'
import type { ResolvedOptions } from '../../options.js'

/** Up to here a scan of all messages costs less than the rest of a run. */
const fewMessages = 250_000

/** How far the looking for edited messages has come. */
export interface EditState {
  /** Source time of the last look at all messages. */
  readonly lookedAt: Micros
  /** The earliest bound of the runs since then; null when there was none. */
  readonly since: Micros | null
}

export interface EditPlan {
  readonly bounds: EditBounds
  /** What the next run goes on from. */
  readonly next: EditState
}

/**
 * Which edited messages to look for. A change that became visible since the last look at all messages has a stamp at or after the
 * bound of one of the runs since, so that the earliest of these bounds loses none.
 */
export function planEdits(
  last: EditState | undefined,
  run: { readonly at: Micros; readonly low: Micros; readonly messages: number },
  { editWindow, editScanEvery }: ResolvedOptions,
): EditPlan {
  const { at, low, messages } = run
  const since = Math.min(last?.since ?? low, low)
  const isDue = !last || messages <= fewMessages || at - last.lookedAt >= editScanEvery * 1000
  if (isDue) return { bounds: { among: null, since }, next: { lookedAt: at, since: null } }
  return { bounds: { among: low - editWindow * 1000, since: low }, next: { ...last, since } }
}
