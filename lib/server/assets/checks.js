import { h } from './dom.js'
import { word } from './words.js'

const rank = { critical: 0, warning: 1, ok: 2 }

/** The checks that failed, each with its remedy; the others are folded. */
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
          fine.map(({ message }) => h('li', {}, message)),
        ),
      ),
  ].filter(Boolean)
}

function drawFinding({ outcome, message, remedy }) {
  // What happened in bold, then the details.
  const [, fact, more] = /^(.*?[.:!](?= )|.*)(.*)$/s.exec(message)
  return h(
    'li',
    { class: outcome },
    h('p', {}, h('span', { class: 'badge' }, word.severity[outcome]), ' ', h('strong', {}, fact), more),
    remedy && h('span', {}, remedy),
  )
}
