import { h } from './dom.js'
import { count, percent } from './format.js'
import { ago } from './hero.js'
import { plural, word } from './words.js'

/** The result of the last comparison of source and target. */
export function drawComparison({ lastVerification: found, isComparing, isBusy }, compare) {
  const button = h(
    'button',
    { class: 'button quiet-button', 'data-key': 'compare', disabled: isBusy, onclick: compare },
    isComparing ? word.comparing : word.compareNow,
  )
  const head = h('div', { class: 'bar' }, h('h2', {}, word.comparison), button)
  if (!found) return [head, h('p', { class: 'quiet' }, word.never)]
  const all = found.rowsMissing + found.rowsStale + found.rowsExtra + found.rowsDouble
  const left = all - found.rowsRepaired
  const kinds = {
    missing: found.rowsMissing,
    stale: found.rowsStale,
    extra: found.rowsExtra,
    double: found.rowsDouble,
    pending: found.rowsPending,
  }
  const [number, forms] = word.differences(all)
  return [
    head,
    h(
      'p',
      { class: `finding ${left > 0 ? 'warning' : 'ok'}` },
      all === 0 ? word.equal : `${count(number)} ${plural(number, forms)}`,
      found.rowsRepaired > 0 && h('small', {}, word.repaired(count(found.rowsRepaired))),
    ),
    h(
      'p',
      { class: 'quiet' },
      word.compared(count(found.rowsCompared), ''),
      ago(found.completedAt),
      found.sample < 1 ? ` · ${word.sampled(percent(found.sample))}` : '',
    ),
    h(
      'dl',
      { class: 'counts' },
      Object.entries(kinds)
        .filter(([, rows]) => rows > 0)
        .map(([kind, rows]) => h('div', {}, h('dt', {}, word.kinds[kind]), h('dd', {}, count(rows)))),
    ),
    drawColumns(found.differingColumns),
  ]
}

function drawColumns(columns) {
  const worst = Object.entries(columns)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6)
  if (worst.length === 0) return []
  const most = worst[0][1]
  return h(
    'div',
    { class: 'phases' },
    h('h3', {}, word.differingColumns),
    worst.map(([name, rows]) =>
      h(
        'div',
        {},
        h('code', {}, name),
        h('i', { style: { '--share': rows / most } }),
        h('span', { class: 'figure' }, count(rows)),
      ),
    ),
  )
}

/** Rows that are quarantined now, by reason. */
export function drawRejections({ rejections }) {
  const head = h('div', { class: 'bar' }, h('h2', {}, word.rejections))
  const total = rejections.reduce((sum, { rows }) => sum + rows, 0)
  if (total === 0)
    return [head, h('p', { class: 'finding ok' }, '0'), h('p', { class: 'quiet' }, word.noRejections)]
  return [
    head,
    h('p', { class: 'finding warning' }, count(total)),
    h('p', { class: 'quiet' }, word.rejectedTotal),
    h(
      'dl',
      { class: 'counts', 'aria-label': word.rejectedFor },
      rejections.map(({ column, message, sqlState, rows }) =>
        h(
          'div',
          {},
          h('dt', {}, column ? h('code', {}, column) : sqlState, ` · ${reasonText(sqlState, message)}`),
          h('dd', {}, count(rows)),
        ),
      ),
    ),
  ]
}

/** In the reader's language where the page knows the reason, followed by the name of the constraint. */
function reasonText(sqlState, message) {
  const known = word.rejectReasons[sqlState]
  return known ? known + (/: .*$/.exec(message)?.[0] ?? '') : message
}
