import type { Command } from 'commander'

import type { RunOutcome, WatchOptions } from '../../lib/index.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { addCareOptions, careOptionsOf, type CareFlags } from '../flags/care-flags.js'
import { duration } from '../flags/option-values.js'
import { addOutputOptions, addPipelineOptions, pipelineOptionsOf, type RunFlags } from '../flags/run-flags.js'
import { openLog } from '../logs/run-log.js'
import { endingSignal } from '../stop-signal.js'
import { tellPeopleAfterRun } from '../tell-people.js'

interface WatchFlags extends RunFlags, CareFlags {
  readonly cron?: string
  readonly every?: number
  readonly cronTimeZone?: string
  readonly jitter?: number
  readonly probeEvery?: number
  readonly expectedInterval?: number
}

const examples = `
Examples:
  chatwoot-sync watch --every 5m
  chatwoot-sync watch --cron '0 3 * * *'
  chatwoot-sync watch --cron '*/15 8-18 * * 1-5' \\
    --cron-time-zone America/Sao_Paulo --jitter 30s

Runs never overlap. After a failure it tries again, later
each time. SIGTERM and SIGINT end it within five seconds;
the run at work is closed, and the next one goes on.
People are told where ALERT_* says how.`

/** Describes `watch` and what it does. */
export function register(command: Command): void {
  command
    .option('--every <time>', 'from the begin of one run to the next, such as 5m', duration)
    .option('--cron <times>', 'or at these times, as of cron')
    .option('--cron-time-zone <name>', 'time zone of --cron (that of the host)')
    .option('--jitter <time>', 'delay each run by chance, up to this (0s)', duration)
    .option('--probe-every <time>', 'look at open transactions between runs; 0s for never', duration)
    .option(
      '--expected-interval <time>',
      'from one good run to the next, for alerts (--every, or 24h)',
      duration,
    )
  addPipelineOptions(command)
  addOutputOptions(addCareOptions(command), 'print one JSON object a line')
    .addHelpText('after', examples)
    .action(watchDatabases)
}

async function watchDatabases(flags: WatchFlags): Promise<void> {
  loadEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const signal = endingSignal()
  await using log = await openLog(flags)
  const { watch } = await import('../../lib/index.js')
  const { pipeline, skewAllowance, every, expectedInterval = every } = flags
  const where = { target: databases.target, pipeline, skewAllowance, expectedInterval, signal }
  await watch({
    ...databases,
    ...optionsOf(flags),
    signal,
    logger: log.logger,
    onRun: async (outcome) => {
      await print(outcome, flags)
      if (!signal.aborted) await tellPeopleAfterRun(where, flags)
    },
    onWait: (next) => printNext(next, flags),
  })
}

function optionsOf(flags: WatchFlags): Omit<WatchOptions, 'source' | 'target'> {
  const { cron, every, cronTimeZone, jitter, probeEvery } = flags
  return {
    ...pipelineOptionsOf(flags),
    ...careOptionsOf(flags),
    ...{ cron, every, cronTimeZone, jitter, probeEvery },
  }
}

async function print({ report, error }: RunOutcome, { json, quiet }: WatchFlags): Promise<void> {
  if (report && json) process.stdout.write(`${JSON.stringify({ event: 'run', report })}\n`)
  else if (report && !quiet) {
    const [{ syncSummary }, { textWidth }] = await Promise.all([
      import('../output/sync-summary.js'),
      import('../output/wrap.js'),
    ])
    process.stdout.write(syncSummary(report, textWidth(process.stdout)))
  }
  if (error === undefined) return
  const { reportFailure } = await import('../output/failure.js')
  reportFailure(error, json === true)
}

function printNext(next: Date, { json, quiet }: WatchFlags): void {
  const at = next.toISOString()
  if (json) process.stdout.write(`${JSON.stringify({ event: 'wait', next: at })}\n`)
  else if (!quiet) process.stdout.write(`Next run at ${at.slice(0, 19).replace('T', ' ')} UTC.\n`)
}
