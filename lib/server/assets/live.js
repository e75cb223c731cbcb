import { h } from './dom.js'
import { count } from './format.js'
import { ago } from './hero.js'
import { word } from './words.js'

/** A run in progress: how far it is, how fast. What changes is written into it, so that a screen reader does not read all of it again. */
export function drawLive({ loadType, startedAt, triggeredBy }) {
  return [
    h(
      'div',
      { class: 'live-head' },
      h('h2', {}, h('span', { class: 'pulse' }), word.liveTitle[loadType]),
      h('p', { class: 'quiet' }, word.startedAgo(''), ago(startedAt), `, ${word.triggered[triggeredBy]}`),
    ),
    h('progress', { id: 'bar', max: 1, 'aria-label': word.liveTitle[loadType] }),
    h(
      'p',
      { class: 'live-foot' },
      h('span', { id: 'done' }, `${word.preparing}…`),
      h('span', { id: 'rate', class: 'quiet' }),
    ),
  ]
}

/** Returns a function that takes the rows so far and returns rows per second over the last measurements, null before there are enough. */
export function createMeter() {
  const samples = []
  return (rows) => {
    samples.push({ rows, at: performance.now() })
    while (samples.length > 20) samples.shift()
    const first = samples[0]
    const elapsed = (performance.now() - first.at) / 1000
    return elapsed > 0.5 ? (rows - first.rows) / elapsed : null
  }
}

export function updateLive(section, { phase, rowsExtracted, rowsExpected }, rate) {
  const [bar, done, speed] = ['#bar', '#done', '#rate'].map((id) => section.querySelector(id))
  if (!bar) return
  // The number of rows is an estimate: the bar must not be full before the end.
  if (rowsExpected && phase === 'load') bar.value = Math.min(0.99, rowsExtracted / rowsExpected)
  else if (phase === 'deletes') bar.value = 0.99
  else bar.removeAttribute('value')
  const rows = rowsExpected
    ? word.rowsOf(count(rowsExtracted), count(rowsExpected))
    : word.rowsSoFar(count(rowsExtracted))
  done.textContent =
    phase === 'probe' || (phase === 'feeds' && !rowsExtracted)
      ? `${word.phase[phase]}…`
      : `${word.phase[phase]}: ${rows}`
  speed.textContent = rate ? word.perSecond(count(Math.round(rate))) : ''
}
