import {
  formatMicros,
  heldBackSince,
  isBeginUnknown,
  type Probe,
  type Snapshot,
  type Trace,
} from '../../domain/horizon.js'
import type { Warning } from '../../domain/report.js'

/**
 * A transaction that has been open for over ten times `skewAllowance`: what changed since it began is read again, once it has ended; from a
 * standby, which does not show when transactions of its primary end, by each run until then.
 */
export function heldBack(
  trace: Trace,
  { probe, snapshot }: { readonly probe: Probe; readonly snapshot: Snapshot },
  skewAllowance: number,
): Warning[] {
  const since = heldBackSince(trace, snapshot)
  if (since === undefined || probe.at === null) return []
  if (since !== null && probe.at - since < skewAllowance * 10_000) return []
  const isStandby = probe.mode === 'standby'
  const isBefore = isStandby ? isBeginUnknown(trace, probe, snapshot) : since === null
  const where = isStandby ? 'on the primary of the source, in any of its databases,' : 'of the source'
  const when = isBefore ? 'before the first run' : `at least ${formatMicros(since ?? 0).slice(0, 19)} UTC`
  const again = isBefore ? 'is a full load' : 'reads again what changed since it began'
  const cost = isStandby ? `until it ends, each run ${again}` : `once it has ended, one run ${again}`
  return [{ code: 'HELD_BACK', message: `A transaction ${where} has been open since ${when}; ${cost}.` }]
}
