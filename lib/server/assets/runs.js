import { read } from './api.js'
import { changesText } from './charts.js'
import { h } from './dom.js'
import { count, duration, exactly, toMillis, when } from './format.js'
import { segmented } from './segmented.js'
import { word } from './words.js'

const queries = { all: '', failed: '&status=failed', full: '&loadType=full' }
const pageSize = 12

/** The list of runs, each of which can be opened. Open runs and older pages stay while newer runs are added. */
export function createRunList(section, showError) {
  const list = h('div', { class: 'list' })
  const more = h('button', { class: 'button quiet-button', hidden: true }, word.more)
  let filter = 'all'
  let runs = []
  let next = null

  const draw = () => {
    for (const run of list.querySelectorAll('details:not([open])')) run.remove()
    const opened = new Map([...list.children].map((item) => [item.dataset.run, item]))
    const items = runs.map((run) => {
      const text = JSON.stringify(run)
      const old = opened.get(run.executionId)
      return old?.dataset.text === text ? old : drawRun(run, text, old !== undefined)
    })
    const focused =
      list.contains(document.activeElement) && document.activeElement.closest('details')?.dataset.run
    list.replaceChildren(...(items.length > 0 ? items : [h('p', { class: 'quiet blank' }, word.noRuns)]))
    if (focused) list.querySelector(`[data-run="${focused}"] summary`)?.focus()
    more.hidden = next === null
  }

  const load = async (cursor = '') => {
    const asked = filter
    const page = await read(`api/runs?limit=${pageSize}${queries[asked]}${cursor && `&cursor=${cursor}`}`)
    if (asked !== filter) return
    const fresh = new Set(page.runs.map(({ executionId }) => executionId))
    // Without a cursor these are the newest: older pages that were loaded stay below them.
    const kept = runs.filter(({ executionId }) => !fresh.has(executionId))
    const older =
      cursor || runs.length <= pageSize
        ? []
        : kept.filter((run) => run.startedAt < (page.runs.at(-1)?.startedAt ?? ''))
    if (cursor || older.length === 0) next = page.next
    runs = cursor ? [...kept, ...page.runs] : [...page.runs, ...older]
    list.removeAttribute('aria-busy')
    draw()
  }

  const choose = (chosen) => {
    ;[filter, runs, next] = [chosen, [], null]
    list.setAttribute('aria-busy', 'true')
    load().catch(showError)
  }
  more.addEventListener('click', () => load(next).catch(showError))
  section.append(
    h(
      'div',
      { class: 'bar' },
      h('h2', {}, word.runs),
      segmented(word.whichListed, word.filters, filter, choose),
    ),
    h(
      'div',
      { class: 'row heads', 'aria-hidden': true },
      Object.values(word.columns).map((name) => h('span', {}, name)),
    ),
    list,
    more,
  )
  return () => load()
}

function drawRun(run, text, isOpen) {
  const { executionId, status, loadType, startedAt, durationSeconds, errorCode } = run
  const result =
    status === 'failed' ? (word.errors[errorCode] ?? word.statuses.failed) : word.statuses[status]
  const summary = h(
    'summary',
    { class: 'row', 'data-key': executionId },
    h('span', { class: 'started' }, when(toMillis(startedAt))),
    h('span', { class: 'kind' }, word.loadTypeOf[loadType]),
    h(
      'span',
      { class: 'outcome' },
      h('span', { class: `result ${status}` }, result),
      (status === 'success' || run.rowsExtracted > 0) && h('span', { class: 'changed' }, changesText(run)),
    ),
    h('span', { class: 'took' }, durationSeconds === null ? '' : duration(durationSeconds)),
  )
  const details = h('details', { 'data-run': executionId, 'data-text': text, open: isOpen }, summary)
  const fill = () => details.open && details.children.length === 1 && details.append(drawDetails(run))
  details.addEventListener('toggle', fill)
  fill()
  return details
}

function drawDetails(run) {
  const {
    errorCode,
    errorMessage,
    reason,
    warnings,
    watermarkStart,
    watermarkEnd,
    watermarkIndexed,
    rowsExtracted,
    rowsUnchanged,
  } = run
  return h(
    'div',
    { class: 'inside' },
    errorMessage &&
      h(
        'div',
        { class: 'failure' },
        h('h3', {}, word.why),
        h('p', {}, errorMessage),
        h('code', {}, errorCode),
      ),
    warnings.length > 0 && [h('h3', {}, word.warnings), h('ul', {}, warnings.map(drawWarning))],
    h(
      'dl',
      {},
      reason && term(word.reason, reason),
      term(
        word.rowsRead,
        rowsUnchanged > 0
          ? `${count(rowsExtracted)} · ${count(rowsUnchanged)} ${word.outcomes.unchanged}`
          : count(rowsExtracted),
      ),
      watermarkEnd &&
        term(
          word.window,
          word.between(
            watermarkStart && exactly(toMillis(watermarkStart)),
            exactly(toMillis(watermarkIndexed ?? watermarkEnd)),
          ),
        ),
      watermarkIndexed !== watermarkEnd &&
        watermarkEnd &&
        term(word.scanned, exactly(toMillis(watermarkEnd))),
      term(word.columns.started, `${exactly(toMillis(run.startedAt))}, ${word.triggered[run.triggeredBy]}`),
      term(word.id, h('code', {}, run.executionId)),
    ),
    drawPhases(run.phases),
  )
}

/** What it means in the reader's language, and the message of the server. */
function drawWarning({ code, message }) {
  const known = word.warningTexts[code]
  return h(
    'li',
    {},
    known && h('span', {}, known, ' '),
    h('span', { lang: 'en', class: known && 'quiet' }, message),
  )
}

const term = (name, content) => h('div', {}, h('dt', {}, name), h('dd', {}, content))

/** Reading overlaps writing, so the parts are compared with each other, not with the whole. */
function drawPhases(phases) {
  const parts = Object.keys(word.phases)
    .map((name) => [name, phases[name] ?? 0])
    .filter(([, millis]) => millis > 0)
  const most = Math.max(...parts.map(([, millis]) => millis))
  if (parts.length === 0) return null
  return h(
    'div',
    { class: 'phases' },
    h('h3', {}, word.time),
    parts.map(([name, millis]) =>
      h(
        'div',
        {},
        h('span', {}, word.phases[name]),
        h('i', { style: { '--share': millis / most } }),
        h('span', { class: 'figure' }, duration(millis / 1000)),
      ),
    ),
  )
}
