import { h } from './dom.js'
import { quantity } from './format.js'
import { language, word } from './words.js'

const rank = { critical: 0, warning: 1, ok: 2 }

/** What is not as it should be, with what to do; the rest in a fold. */
export function drawChecks({ checks }) {
  const wrong = checks
    .filter(({ outcome }) => outcome !== 'ok')
    .sort((a, b) => rank[a.outcome] - rank[b.outcome])
  const fine = checks.filter(({ outcome }) => outcome === 'ok')
  const heading = wrong.length > 0 ? word.otherChecks(fine.length) : word.allChecks(fine.length)
  return [
    wrong.length > 0 && h('ul', { class: 'findings' }, wrong.map(drawFinding)),
    fine.length > 0 &&
      h(
        'details',
        { class: 'fold' },
        h('summary', { 'data-key': 'checks' }, heading),
        h(
          'ul',
          { class: 'fine' },
          fine.map((check) => h('li', {}, messageOf(check))),
        ),
      ),
  ].filter(Boolean)
}

function drawFinding(check) {
  const remedy = word.remedies[check.name] ?? check.remedy
  return h(
    'li',
    { class: check.outcome },
    h('strong', {}, h('span', { class: 'badge' }, word.severity[check.outcome]), ' ', messageOf(check)),
    remedy && h('span', {}, remedy),
  )
}

/** The server speaks English; other readers get the check by its name, with its figures. */
function messageOf({ name, value, unit, limit, criticalLimit, message, outcome }) {
  const title = word.checks[name]
  if (language === 'en' || !title) return message
  const most = outcome === 'critical' ? (criticalLimit ?? limit) : (limit ?? criticalLimit)
  return `${title}: ${quantity(value, unit)}${most === null ? '' : ` (limite ${quantity(most, unit)})`}`
}
