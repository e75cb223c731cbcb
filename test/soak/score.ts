import type { Outcome } from './play.js'

const columns =
  'scenario     seeds  changed  lost naive  lost ours  read/changed  runs  full  margin  broken claims'

/** One line for each outcome, while the soak is running. */
export function describeOutcome(outcome: Outcome): string {
  return [
    `seed ${String(outcome.seed).padStart(4)}  ${line([outcome])}`,
    ...outcome.brokenClaims,
    ...outcome.losses,
  ].join('\n')
}

/** One line for each scenario over all seeds. */
export function summarize(outcomes: readonly Outcome[]): string {
  const names = [...new Set(outcomes.map(({ scenario }) => scenario))]
  const lines = names.map((name) => line(outcomes.filter(({ scenario }) => scenario === name)))
  return ['', columns, ...lines, line(outcomes.map((outcome) => ({ ...outcome, scenario: 'all' })))].join(
    '\n',
  )
}

function line(outcomes: readonly Outcome[]): string {
  const sum = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const changed = sum(({ rowsChanged }) => rowsChanged)
  const read = sum(({ rowsChanged, amplification }) => amplification * Math.max(rowsChanged, 1))
  return [
    (outcomes[0]?.scenario ?? '').padEnd(11),
    String(outcomes.length).padStart(6),
    String(changed).padStart(8),
    String(sum(({ lostNaive }) => lostNaive)).padStart(11),
    String(sum(({ lostOurs, leftOurs }) => lostOurs + leftOurs)).padStart(10),
    (read / Math.max(changed, 1)).toFixed(2).padStart(13),
    String(sum(({ runs }) => runs)).padStart(5),
    String(sum(({ fullRuns }) => fullRuns)).padStart(5),
    Math.max(...outcomes.map(({ marginUsedSeconds }) => marginUsedSeconds))
      .toFixed(3)
      .padStart(7),
    String(sum(({ brokenClaims }) => brokenClaims.length)).padStart(14),
  ].join(' ')
}
