import type { HealthCheck, HealthReport } from '../lib/index.js'
import { printable, wrap } from './wrap.js'

/** Columns before the text. */
const margin = 10

/** The checks one below the other, with what to do, and the verdict; in lines of at most `width` characters where words allow. */
export function healthSummary({ pipeline, checks, outcome }: HealthReport, width: number): string {
  const indented = (text: string) => wrap(text, width - margin, margin)
  const lines = checks.flatMap(({ outcome: found, message, remedy }) => {
    const line = found.padEnd(margin) + indented(message)
    return remedy === null ? [line] : [line, ' '.repeat(margin) + indented(`-> ${remedy}`)]
  })
  return [`Pipeline ${printable(pipeline)}`, ...lines, '', wrap(verdict(outcome, checks), width), ''].join(
    '\n',
  )
}

function verdict(outcome: HealthReport['outcome'], checks: readonly HealthCheck[]): string {
  const of = (wanted: HealthCheck['outcome']) => checks.filter((check) => check.outcome === wanted).length
  if (outcome === 'ok') return 'All is well.'
  const warnings = of('warning') === 0 ? '' : ` Warnings: ${of('warning')}.`
  if (outcome === 'warning') return `It works.${warnings}`
  return `Something is wrong. Problems to solve: ${of('critical')}.${warnings}`
}
