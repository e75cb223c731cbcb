import type { Warning } from '../domain/report.js'
import type { Run } from './run.js'

/** What the measured use of the allowance means: half of it is a sign, all of it a possible loss. */
export function marginWarnings({ tally, options }: Run): Warning[] {
  const used = (tally.marginUsed ?? 0) / 1000
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3)
  if (used <= options.skewAllowance / 2 || used === 0) return []
  const fact = `Change stamps came ${seconds(used)} s late, of ${seconds(options.skewAllowance)} s that skewAllowance covers`
  return used < options.skewAllowance
    ? [
        {
          code: 'MARGIN_HALF_USED',
          message: `${fact}; raise skewAllowance, or look at the clocks of the application's hosts.`,
        },
      ]
    : [
        {
          code: 'MARGIN_USED_UP',
          message: `${fact}; rows may have been missed. Raise skewAllowance and run verify.`,
        },
      ]
}
