import type { Finding } from '../../postgres/control/alerts.js'
import type { HealthCheck, Language } from '../health/health-check.js'
import type { AlertKind } from './alert-message.js'
import { findingText } from './alert-text.js'

/** Which check is which kind of incident, and from which outcome on people are told. */
const incidents: readonly (readonly [check: string, kind: AlertKind, from: 'warning' | 'critical'])[] = [
  ['failures', 'failure', 'warning'],
  ['last-success', 'staleness', 'critical'],
  ['watermark-lag', 'staleness', 'critical'],
  ['running-run', 'stuck-run', 'critical'],
  ['rejected-rows', 'rejected-rows', 'warning'],
  ['differences', 'differences', 'warning'],
  // Half of the margin is a sign, all of it a possible loss.
  ['margin', 'margin', 'critical'],
]

/** What of the checks people are to be told, one finding of a kind, in the words of the language. */
export function findingsOf(checks: readonly HealthCheck[], language: Language): Finding[] {
  const findings = new Map<AlertKind, Finding>()
  for (const [name, kind, from] of incidents) {
    const check = checks.find((each) => each.name === name)
    if (!check || check.outcome === 'ok' || (from === 'critical' && check.outcome === 'warning')) continue
    if (findings.has(kind)) continue
    const message = findingText(check.message, check.remedy, language)
    findings.set(kind, { kind, severity: check.outcome, message })
  }
  return [...findings.values()]
}
