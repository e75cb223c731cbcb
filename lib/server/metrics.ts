import { Counter, Gauge, Registry } from 'prom-client'

import { differencesLeft } from '../domain/verification.js'
import type { Stats } from './run-reader.js'
import type { Health } from './functions.js'

/** What a scrape shows. */
export interface Facts {
  /** Undefined when the target cannot be read, which is then the only metric of the runs. */
  readonly stats: Stats | undefined
  /** Undefined when health cannot be checked. */
  readonly health: Health | undefined
}

/** The metrics as Prometheus reads them, text format 0.0.4. What is not known has no sample rather than a wrong one. */
export async function metricsText({ stats, health }: Facts): Promise<string> {
  // A registry for this scrape alone: the numbers are those of the control tables, so that runs of other processes count too.
  const registry = new Registry()
  const gauge = gaugesOf(registry, stats?.pipeline ?? '')
  gauge('target_readable', 'Whether the control tables can be read, 1 or 0.', [[{}, stats ? 1 : 0]])
  if (stats) addStats(registry, gauge, stats)
  if (health) {
    const levels = { ok: 0, warning: 1, critical: 2 }
    gauge(
      'health',
      'Each check: 0 ok, 1 warning, 2 critical.',
      health.checks.map(({ name, outcome }) => [{ check: name }, levels[outcome]]),
    )
  }
  return registry.metrics()
}

/** The content type of that text. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null]
type AddSamples = (name: string, help: string, samples: readonly Sample[]) => void

function addStats(registry: Registry, gauge: AddSamples, stats: Stats): void {
  const counter = countersOf(registry, stats.pipeline)
  const { lastSuccess, lastRun, lastVerification: found } = stats
  const kinds = stats.runTotals.map((total) => ({
    ...total,
    labels: { load_type: total.loadType, status: total.status },
  }))
  counter(
    'runs_total',
    'Runs that were started.',
    kinds.map(({ labels, runs }) => [labels, runs]),
  )
  counter(
    'run_seconds_total',
    'Seconds that runs took.',
    kinds.map(({ labels, seconds }) => [labels, seconds]),
  )
  counter(
    'rows_total',
    'Rows by outcome.',
    Object.entries(stats.rowTotals).map(([outcome, rows]) => [{ outcome }, rows]),
  )
  gauge('rejected_rows', 'Rows that are quarantined now.', [
    [{}, stats.rejections.reduce((sum, { rows }) => sum + rows, 0)],
  ])
  gauge('running', 'Whether a run or a comparison is in progress, 1 or 0.', [[{}, stats.isLocked ? 1 : 0]])
  gauge(
    'failures_in_row',
    'Failed runs since the last successful one, except those that were stopped on purpose.',
    [[{}, stats.failuresInRow]],
  )
  addAges(gauge, stats)
  addLakes(gauge, stats)
  gauge('last_success_timestamp_seconds', 'End of the last successful run.', [
    [{}, unixTime(lastSuccess?.completedAt)],
  ])
  gauge('last_run_duration_seconds', 'Duration of the last run.', [
    [{ load_type: lastRun?.loadType ?? '' }, lastRun?.durationSeconds ?? null],
  ])
  gauge(
    'margin_used_seconds',
    'How much of the skew allowance late timestamps used in the last successful run.',
    [[{}, lastSuccess?.marginUsedSeconds ?? null]],
  )
  gauge('last_verification_timestamp_seconds', 'End of the last comparison.', [
    [{}, unixTime(found?.completedAt)],
  ])
  gauge('differences', 'Rows that differed in the last comparison, by kind.', [
    [{ kind: 'missing' }, found?.rowsMissing ?? null],
    [{ kind: 'stale' }, found?.rowsStale ?? null],
    [{ kind: 'extra' }, found?.rowsExtra ?? null],
    [{ kind: 'double' }, found?.rowsDouble ?? null],
  ])
  gauge('differences_left', 'Differences of the last comparison that were not repaired.', [
    [{}, found && differencesLeft(found)],
  ])
}

function addLakes(gauge: AddSamples, { lakes }: Pick<Stats, 'lakes'>): void {
  const each = (value: (lake: Stats['lakes'][number]) => number | null): Sample[] =>
    lakes.map((lake) => [{ lake: lake.lake }, value(lake)])
  gauge(
    'lake_age_seconds',
    'Seconds since the time of the table that a lake equals.',
    each(({ ageSeconds }) => ageSeconds),
  )
  gauge(
    'lake_failed',
    'Whether a lake failed the last time, 1 or 0.',
    each(({ errorCode }) => (errorCode === null ? 0 : 1)),
  )
  gauge(
    'lake_version',
    'Last version of a lake.',
    each(({ version }) => version),
  )
  gauge(
    'lake_bytes',
    'Bytes of the files of its last version.',
    each(({ bytes }) => bytes),
  )
  gauge(
    'lake_months_pending',
    'Months that have changed since.',
    each(({ monthsPending }) => monthsPending),
  )
}

function addAges(gauge: AddSamples, { freshnessSeconds, lagSeconds, indexedLagSeconds }: Stats): void {
  gauge('freshness_seconds', 'Seconds since the last successful run ended.', [[{}, freshnessSeconds]])
  gauge('lag_seconds', 'Seconds since the time of the source that the target reflects.', [[{}, lagSeconds]])
  gauge(
    'indexed_lag_seconds',
    'The same but for changes that runs leave to the next scan of a large table.',
    [[{}, indexedLagSeconds]],
  )
}

function gaugesOf(registry: Registry, pipeline: string): AddSamples {
  return (name, help, samples) => {
    const labelNames = [...new Set(['pipeline', ...samples.flatMap(([labels]) => Object.keys(labels))])]
    const metric = new Gauge({ name: `chatwoot_sync_${name}`, help, labelNames, registers: [registry] })
    for (const [labels, value] of samples) if (value !== null) metric.set({ pipeline, ...labels }, value)
  }
}

function countersOf(registry: Registry, pipeline: string): AddSamples {
  return (name, help, samples) => {
    const labelNames = [...new Set(['pipeline', ...samples.flatMap(([labels]) => Object.keys(labels))])]
    const metric = new Counter({ name: `chatwoot_sync_${name}`, help, labelNames, registers: [registry] })
    for (const [labels, value] of samples) if (value !== null) metric.inc({ pipeline, ...labels }, value)
  }
}

/** Seconds since 1970 of a time as the control table writes it. */
function unixTime(text: string | null | undefined): number | null {
  return text ? Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z')) / 1000 : null
}
