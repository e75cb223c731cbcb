import { h } from './dom.js'
import { duration, exactly, fromNow, toMillis, when } from './format.js'
import { word } from './words.js'

/** An age that main.js keeps up to date. */
export function ago(text) {
  const millis = toMillis(text)
  return h(
    'time',
    { datetime: new Date(millis).toISOString(), title: exactly(millis), 'data-since': millis },
    fromNow(millis),
  )
}

/** The verdict, and the facts below it. */
export function drawHero({ stats, health, runs }, start) {
  if (!stats.lastRun) return drawEmpty(start)
  const last = stats.lastSuccess
  // Without health checks, at least the runs are known.
  const outcome = health?.outcome ?? (last && stats.failuresInRow === 0 ? 'ok' : 'critical')
  const isFirst = !last && isRunning(stats)
  return [
    h(
      'h1',
      { class: `verdict ${isFirst ? 'busy' : outcome}` },
      h('span', { class: 'dot' }),
      isFirst ? word.verdictRunningFirst : word.verdict[outcome],
    ),
    h('p', { class: 'lead' }, ...(last ? asOf(last) : [isFirst ? word.asOfNow : word.verdictEmpty])),
    h(
      'dl',
      { class: 'facts' },
      fact(
        word.lastSuccess,
        last
          ? [ago(last.completedAt), h('small', {}, word.took(duration(last.durationSeconds)))]
          : [word.none],
      ),
      fact(word.nextRun, nextRun(stats)),
      fact(word.recentRuns, strip(runs), 'wide'),
    ),
  ]
}

/** What runs have left to a scan is older than the rest. */
function asOf({ watermarkIndexed, watermarkEnd, startedAt }) {
  const newest = watermarkIndexed ?? watermarkEnd ?? startedAt
  const lead = word.asOf(h('strong', {}, ago(newest)))
  if (!watermarkEnd || watermarkEnd === newest) return lead
  return [...lead, ' ', ...word.scannedAsOf(ago(watermarkEnd))]
}

/** A row that is `running` without the lock was left behind by a run that died. */
export const isRunning = ({ running, isLocked }) => running !== null && isLocked

function drawEmpty(start) {
  return [
    h('h1', { class: 'verdict' }, h('span', { class: 'dot' }), word.verdictEmpty),
    h('p', { class: 'lead' }, word.emptyHint),
    h(
      'p',
      {},
      h(
        'button',
        { class: 'button first', 'data-key': 'first', onclick: () => start('incremental') },
        word.firstRun,
      ),
    ),
  ]
}

const fact = (name, content, kind = '') => h('div', { class: kind }, h('dt', {}, name), h('dd', {}, content))

function nextRun({ nextRunAt }) {
  if (!nextRunAt) return [h('span', { class: 'quiet' }, word.notHere)]
  const millis = Date.parse(nextRunAt)
  return [
    h('time', { datetime: nextRunAt, title: exactly(millis), 'data-since': millis }, fromNow(millis)),
    h('small', {}, when(millis)),
  ]
}

/** The last sixty runs, one mark each, the newest on the right. */
function strip(runs) {
  const last = runs.slice(0, 60).toReversed()
  const ended = last.filter(({ status }) => status !== 'running')
  if (ended.length === 0) return [word.none]
  const text = word.lastRuns(ended.filter(({ status }) => status === 'success').length, ended.length)
  const marks = last.map((run) =>
    h('i', {
      class: `${run.status} ${run.loadType}`,
      title: `${when(toMillis(run.startedAt))}, ${word.loadTypeOf[run.loadType]}`,
    }),
  )
  return [h('span', { class: 'strip', role: 'img', 'aria-label': text }, marks), h('small', {}, text)]
}
