import { h } from './dom.js'
import { count, duration, shortCount, shortDuration, timeMarks, toMillis, when } from './format.js'
import { segmented } from './segmented.js'
import { word } from './words.js'

const outcomes = ['inserted', 'updated', 'deleted', 'rejected', 'unchanged']
const rowsOf = (run, outcome) => run[`rows${outcome[0].toUpperCase()}${outcome.slice(1)}`]
const height = 180

/** Two charts of the last runs of one type: beside full loads, incremental runs would be too small to see. */
export function createCharts(section) {
  let kind
  let latest = []
  let plots = []

  const draw = () => {
    for (const plot of plots) plot.destroy()
    kind ??= mostFrequent(latest)
    // On a phone, as many as can be distinguished.
    const most = section.clientWidth < 480 ? 30 : 60
    const runs = latest
      .filter(({ loadType }) => loadType === kind)
      .slice(0, most)
      .toReversed()
    const durations = frame(word.durations, legend(endings(runs), word.statuses))
    const changes = frame(word.changes, legend(outcomesOf(runs), word.outcomes))
    const choose = (chosen) => {
      kind = chosen
      draw()
      // The control that has the focus was drawn anew.
      section.querySelector(':checked').focus()
    }
    section.replaceChildren(
      h(
        'div',
        { class: 'bar' },
        h('h2', {}, word.overTime),
        segmented(word.whichRuns, word.loadTypes, kind, choose),
      ),
      h('div', { class: 'pair' }, durations.box, changes.box),
    )
    plots = runs.length === 0 ? [] : [plotDurations(durations, runs), plotChanges(changes, runs)]
    if (runs.length === 0)
      for (const { plot } of [durations, changes]) plot.append(h('p', { class: 'quiet' }, word.noSuchRuns))
  }

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => latest.length > 0 && draw())
  new ResizeObserver(() =>
    plots.forEach((plot) => plot.setSize({ width: widthOf(plot.root.parentElement), height })),
  ).observe(section)

  return (runs) => {
    const ended = runs.filter(({ status }) => status !== 'running').slice(0, 60)
    if (JSON.stringify(ended) === JSON.stringify(latest)) return
    latest = ended
    section.hidden = ended.length < 2
    if (!section.hidden) draw()
  }
}

function mostFrequent(runs) {
  const full = runs.filter(({ loadType }) => loadType === 'full').length
  return full > runs.length - full ? 'full' : 'incremental'
}

function frame(title, extra) {
  const readout = h('p', { class: 'readout', 'aria-hidden': true })
  const plot = h('div', { class: 'plot', role: 'img' })
  return {
    plot,
    readout,
    box: h('figure', { class: 'card' }, h('figcaption', {}, h('h3', {}, title), readout), plot, extra),
  }
}

function legend(present, names) {
  return h(
    'ul',
    { class: 'legend', 'aria-hidden': true },
    present.map((name) => h('li', { class: name }, names[name])),
  )
}

const endings = (runs) => ['success', 'failed'].filter((status) => runs.some((run) => run.status === status))
const outcomesOf = (runs) => outcomes.filter((outcome) => runs.some((run) => rowsOf(run, outcome) > 0))

function plotDurations({ plot, readout }, runs) {
  const succeeded = runs.map(({ status, durationSeconds }) => (status === 'success' ? durationSeconds : null))
  const failed = runs.map(({ status, durationSeconds }) => (status === 'failed' ? durationSeconds : null))
  const summary = word.median(duration(median(runs.map(({ durationSeconds }) => durationSeconds))))
  plot.setAttribute('aria-label', `${word.durations}: ${summary}`)
  const describe = (run) => `${word.statuses[run.status]}, ${duration(run.durationSeconds)}`
  return open({
    plot,
    readout,
    runs,
    summary,
    describe,
    format: shortDuration,
    data: [succeeded, failed],
    colors: ['--accent', '--bad'],
    ceiling: ceilingOf(succeeded),
  })
}

/** A failed run may have retried for minutes: its bar is cut off, so that the others stay visible. */
function ceilingOf(succeeded) {
  const longest = Math.max(0, ...succeeded)
  return longest > 0 ? longest * 1.5 : Infinity
}

/** Each series is drawn over the sum of all, from the whole down to its first part. */
function plotChanges({ plot, readout }, runs) {
  const sums = runs.map(() => 0)
  const layers = outcomes.map((outcome) => runs.map((run, at) => (sums[at] += rowsOf(run, outcome))))
  const changed = runs.reduce((sum, run) => sum + run.rowsInserted + run.rowsUpdated + run.rowsDeleted, 0)
  const summary = word.changedTotal(count(changed))
  plot.setAttribute('aria-label', `${word.changes}: ${summary}`)
  const colors = outcomes.map((outcome) => `--${outcome}`)
  return open({
    plot,
    readout,
    runs,
    summary,
    describe: changesText,
    format: shortCount,
    data: layers.toReversed(),
    colors: colors.toReversed(),
  })
}

/** What a run changed, in words. */
export function changesText(run) {
  const parts = outcomes
    .filter((outcome) => outcome !== 'unchanged' && rowsOf(run, outcome) > 0)
    .map((outcome) => `${count(rowsOf(run, outcome))} ${word.outcomes[outcome]}`)
  return parts.length > 0 ? parts.join(', ') : word.nothingChanged
}

function open({ plot, readout, runs, summary, describe, format, data, colors, ceiling = Infinity }) {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const bars = uPlot.paths.bars({ size: [0.72, 22], radius: 0 })
  const axis = { stroke: color('--soft'), ticks: { show: false }, font: '12px sans-serif' }
  readout.textContent = summary
  const options = {
    width: widthOf(plot),
    height,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [-0.6, Math.max(runs.length, 12) - 0.4] },
      y: { range: (_, __, most) => [0, Math.min(most || 1, ceiling) * 1.08] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 72,
        incrs: [1, 2, 5, 10, 20, 30],
        values: (_, at) => marks(runs, at),
      },
      {
        ...axis,
        grid: { stroke: color('--line'), width: 1 },
        space: 32,
        size: (_, values) => 12 + 7 * Math.max(0, ...(values ?? []).map(({ length }) => length)),
        values: (_, values) => values.map(format),
      },
    ],
    series: [
      {},
      ...colors.map((name) => ({
        fill: color(name),
        paths: bars,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx } }) =>
          (readout.textContent = runs[idx]
            ? `${when(toMillis(runs[idx].startedAt))} · ${describe(runs[idx])}`
            : summary),
      ],
    },
  }
  return new uPlot(options, [runs.map((_, index) => index), ...data], plot)
}

/** The start of the run below each of these bars. */
function marks(runs, at) {
  const times = at.flatMap((index) => (runs[index] ? [toMillis(runs[index].startedAt)] : []))
  const texts = timeMarks(times)
  return at.map((index) => (runs[index] ? texts.shift() : ''))
}

const widthOf = (element) => Math.max(220, Math.floor(element.clientWidth))

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
