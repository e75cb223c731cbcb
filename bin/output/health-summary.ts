import { printable } from '../../lib/domain/printable.js'
import type { HealthCheck, HealthReport, Language } from '../../lib/index.js'
import { checkLines, englishOutcomes, type OutcomeWords } from './check-lines.js'
import { wrap } from './wrap.js'

export interface SummaryPlace {
  /** Characters in a line, where words allow. */
  readonly width: number
  readonly stream: NodeJS.WritableStream
  readonly language: Language
}

interface Words {
  readonly outcomes: OutcomeWords
  readonly ok: string
  readonly warning: string
  readonly critical: (problems: number) => string
  readonly warnings: (count: number) => string
}

const english: Words = {
  outcomes: englishOutcomes,
  ok: 'All checks passed.',
  warning: 'It works, with warnings.',
  critical: (problems) => `Not healthy. Problems to solve: ${problems}.`,
  warnings: (count) => `Warnings: ${count}.`,
}

const portuguese: Words = {
  outcomes: { ok: 'ok', warning: 'aviso', critical: 'crítico' },
  ok: 'Está tudo certo.',
  warning: 'Está funcionando, com avisos.',
  critical: (problems) => `Há algo errado. Problemas a resolver: ${problems}.`,
  warnings: (count) => `Avisos: ${count}.`,
}

/** The checks one below the other with their remedies, and the verdict. */
export function healthSummary({ pipeline, checks, outcome }: HealthReport, place: SummaryPlace): string {
  const words = place.language === 'en' ? english : portuguese
  const lines = checkLines(checks, { ...place, words: words.outcomes })
  const verdict = wrap(verdictOf(outcome, checks, words), place.width)
  return [`Pipeline ${printable(pipeline)}`, ...lines, '', verdict, ''].join('\n')
}

function verdictOf(
  outcome: HealthReport['outcome'],
  checks: readonly HealthCheck[],
  { ok, warning, critical, warnings }: Words,
): string {
  const count = (wanted: HealthCheck['outcome']) => checks.filter((check) => check.outcome === wanted).length
  if (outcome === 'ok') return ok
  const also = count('warning') === 0 ? '' : ` ${warnings(count('warning'))}`
  return (outcome === 'warning' ? warning : critical(count('critical'))) + also
}
