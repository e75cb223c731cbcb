import type { Problem } from '../../postgres/control/alerts.js'
import type { HealthCheck, Language } from '../health/health-check.js'
import type { AlertKind } from './alert-message.js'
import { problemText } from './alert-text.js'

/** Which kind of alert each check of the health raises, and from which outcome on. */
const alertsOf: readonly (readonly [check: string, kind: AlertKind, from: 'warning' | 'critical'])[] = [
  ['failures', 'failure', 'warning'],
  ['last-success', 'staleness', 'critical'],
  ['watermark-lag', 'staleness', 'critical'],
  ['scan-lag', 'staleness', 'critical'],
  ['running-run', 'stuck-run', 'critical'],
  ['rejected-rows', 'rejected-rows', 'warning'],
  ['differences', 'differences', 'warning'],
  ['lake', 'lake', 'warning'],
  // Half of the skew allowance is a hint, all of it a possible loss.
  ['margin', 'margin', 'critical'],
]

/** The checks that raise an alert, one problem of a kind, in the words of the language. */
export function problemsOf(checks: readonly HealthCheck[], language: Language): Problem[] {
  const problems = new Map<AlertKind, Problem>()
  for (const [name, kind, from] of alertsOf) {
    const check = checks.find((each) => each.name === name)
    if (!check || check.outcome === 'ok' || (from === 'critical' && check.outcome === 'warning')) continue
    if (problems.has(kind)) continue
    const message = problemText(check.message, check.remedy, language)
    problems.set(kind, { kind, severity: check.outcome, message })
  }
  return [...problems.values()]
}
