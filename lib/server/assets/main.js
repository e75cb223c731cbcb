import { follow, post, read } from './api.js'
import { createCharts } from './charts.js'
import { drawChecks } from './checks.js'
import { confirmFullLoad, drawSignIn } from './dialogs.js'
import { announce, byId, h, hide, show } from './dom.js'
import { drawComparison, drawRejections } from './findings.js'
import { fromNow, when } from './format.js'
import { drawHero, isRunning } from './hero.js'
import { drawLakes } from './lakes.js'
import { createMeter, drawLive, updateLive } from './live.js'
import { createRunList } from './runs.js'
import { word } from './words.js'

const sections = ['hero', 'live', 'checks', 'charts', 'runs', 'comparison', 'rejections', 'lakes']
const [hero, live, checks, charts, runsSection, comparison, rejections, lakes] = sections.map(byId)
/** Milliseconds between two refreshes. A run in progress is also followed by its events. */
const pause = 10_000
const drawCharts = createCharts(charts)
const state = {
  stats: undefined,
  health: undefined,
  runs: [],
  starting: false,
  comparing: false,
  followed: undefined,
  tried: false,
  failure: '',
}
let listRuns
let timer
let refreshing = Promise.resolve()
let nextRefresh

document.documentElement.lang = word.lang
for (const element of document.querySelectorAll('[data-word]'))
  element.textContent = word[element.dataset.word]
hero.replaceChildren(
  ...['tall', 'line', 'rule', 'line short', 'block'].map((kind) => h('div', { class: `bone ${kind}` })),
)
hero.setAttribute('aria-busy', 'true')
setInterval(tick, 1000)
document.addEventListener('visibilitychange', () => !document.hidden && refresh())
void refresh()

/**
 * Reads everything and draws what has changed. One refresh at a time: of two at once, the slower would draw outdated facts. A call during
 * one returns the next, which starts after it.
 */
function refresh() {
  nextRefresh ??= refreshing
    .catch(() => undefined)
    .then(() => {
      nextRefresh = undefined
      return (refreshing = refreshOnce())
    })
  return nextRefresh
}

async function refreshOnce() {
  clearTimeout(timer)
  try {
    const [stats, page] = await Promise.all([read('api/stats'), read('api/runs?limit=60')])
    Object.assign(state, { stats, runs: page.runs })
    // Health connects to both servers, and may take longer than the rest.
    const health = read(`api/health?language=${word.lang}`).then(
      (health) => ((state.health = health), draw()),
    )
    if (!state.health) await health.catch(() => undefined)
    else health.catch(() => undefined)
    notice(state.failure)
    draw()
    await listRuns()
  } catch (error) {
    showReadError(error)
  } finally {
    clearTimeout(timer)
    if (!hero.querySelector('.sign-in')) timer = setTimeout(refresh, document.hidden ? 6 * pause : pause)
  }
}

function draw() {
  const { stats, health, runs, starting, comparing } = state
  // The response to a request that was sent before the token was required.
  if (!stats) return
  document.body.classList.remove('stale', 'locked')
  hero.removeAttribute('aria-busy')
  const isBusy = starting || comparing || stats.isLocked
  listRuns ??= createRunList(runsSection, showFailure)
  show(hero, { ...stats, outcome: health?.outcome, lagSeconds: 0, freshnessSeconds: 0, time: 0, runs }, () =>
    drawHero(state, start),
  )
  show(byId('actions'), { isBusy, starting, isEmpty: !stats.lastRun }, () => drawActions(isBusy))
  drawCharts(runs)
  runsSection.hidden = !stats.lastRun
  if (health && (stats.lastSuccess || stats.failuresInRow > 0))
    show(
      checks,
      health.checks.map(({ name, outcome, message }) => (outcome === 'ok' ? name : message)),
      () => drawChecks(health),
    )
  else hide(checks)
  const found = { lastVerification: stats.lastVerification, isComparing: comparing, isBusy }
  if (stats.lastSuccess) show(comparison, found, () => drawComparison(found, compare))
  if (stats.lastSuccess) show(rejections, stats.rejections, () => drawRejections(stats))
  const kept = stats.lakes.map(({ ageSeconds: _, ...lake }) => lake)
  if (kept.length > 0) show(lakes, kept, () => drawLakes(stats))
  else hide(lakes)
  byId('foot').replaceChildren(
    h(
      'span',
      {},
      `chatwoot-sync ${stats.version} · ${stats.pipeline} `,
      h('span', { class: 'whole' }, `· ${word.refreshed(when(Date.now()))}`),
    ),
    h('nav', {}, h('a', { href: 'openapi.json' }, word.api), h('a', { href: 'metrics' }, word.metrics)),
  )
  if (isRunning(stats)) watch(stats.running)
  else if (!state.followed) hide(live)
}

function drawActions(isBusy) {
  if (!state.stats.lastRun) return []
  return [
    h(
      'button',
      { class: 'button quiet-button', 'data-key': 'full', disabled: isBusy, onclick: () => startFull() },
      word.fullLoad,
    ),
    h(
      'button',
      { class: 'button', 'data-key': 'sync', disabled: isBusy, onclick: () => start('incremental') },
      state.starting ? word.starting : word.syncNow,
    ),
  ]
}

async function startFull() {
  const last = state.runs.find(({ loadType, status }) => loadType === 'full' && status === 'success')
  if (await confirmFullLoad(last)) await start('full')
}

async function start(loadType) {
  Object.assign(state, { starting: true, failure: '' })
  draw()
  try {
    const { executionId } = await post('api/runs', { loadType, complete: true })
    announce(word.startedSaid)
    watch({ executionId, loadType, startedAt: new Date().toISOString(), triggeredBy: 'api' })
  } catch (error) {
    showFailure(error)
  } finally {
    state.starting = false
    await refresh()
  }
}

async function compare() {
  Object.assign(state, { comparing: true, failure: '' })
  draw()
  await post('api/verify', {}).catch(showFailure)
  state.comparing = false
  await refresh()
}

/** Follows a run until its end, then refreshes. A stream that breaks off is opened again by the next refresh. */
async function watch(run) {
  if (state.followed === run.executionId) return
  state.followed = run.executionId
  show(live, run.executionId, () => drawLive(run))
  const meter = createMeter()
  let hasEnded = false
  const on = (event, data) => {
    hasEnded ||= event === 'end'
    if (hasEnded) announce(word.ended(data.status))
    else updateLive(live, data, meter(data.rowsExtracted))
  }
  await follow(run.executionId, on).catch(() => undefined)
  state.followed = undefined
  if (hasEnded) await refresh()
}

function showReadError(error) {
  if (error.status === 401) return signIn()
  if (!('status' in error)) throw error
  if (error.status === 0 || state.stats) {
    document.body.classList.add('stale')
    notice(error.status === 0 ? word.unreachable : describe(error))
  }
  if (state.stats) return
  hero.removeAttribute('aria-busy')
  show(hero, error.message, () =>
    [
      h(
        'h1',
        { class: 'verdict critical' },
        h('span', { class: 'dot' }),
        word.errors[error.code] ? `${word.errors[error.code]}.` : word.verdictBlind,
      ),
      h(
        'p',
        { class: 'lead' },
        error.status === 0 ? word.stillTrying : `${error.message} ${word.stillTrying}`,
      ),
    ].filter(Boolean),
  )
}

function signIn() {
  document.body.classList.add('locked')
  Object.assign(state, { stats: undefined, health: undefined })
  show(hero, Math.random(), () => drawSignIn(state.tried, () => ((state.tried = true), refresh())))
  byId('token').focus()
}

/** An action failed; what the page shows is still valid. */
function showFailure(error) {
  if (error.status === 401) return signIn()
  state.failure = error.status === 0 ? '' : describe(error)
  notice(state.failure || word.unreachable)
}

const describe = (error) => {
  const known = word.errors[error.code]
  return word.failed(known ? `${known}. ${error.message}` : error.message)
}

/** A failed action is shown until the reader closes it; that the server is not responding, until it responds. */
function notice(text = '') {
  const close = () => ((state.failure = ''), notice())
  const button = h('button', { class: 'button quiet-button', onclick: close }, word.close)
  show(byId('notice'), text, () =>
    text ? [h('p', {}, text), text === state.failure && button].filter(Boolean) : [],
  )
}

/** Ages grow without a request to the server. */
function tick() {
  for (const element of document.querySelectorAll('[data-since]')) {
    const text = fromNow(Number(element.dataset.since))
    if (element.textContent !== text) element.textContent = text
  }
}
