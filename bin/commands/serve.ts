import { once } from 'node:events'

import type { Command } from 'commander'

import type { ServerFunctions, SyncOptions, WatchOptions } from '../../lib/index.js'
import { databasesOf, loadEnvironment } from '../flags/environment.js'
import { addCareOptions, careOptionsOf, type CareFlags } from '../flags/care-flags.js'
import { nextRunOfSystemd } from '../schedule/next-run.js'
import { duration, wholeNumber } from '../flags/option-values.js'
import { addOutputOptions, addPipelineOptions, pipelineOptionsOf, type RunFlags } from '../flags/run-flags.js'
import { openLog } from '../logs/run-log.js'
import { endingSignal } from '../stop-signal.js'
import { tellPeopleAfterRun } from '../tell-people.js'

interface ServeFlags extends RunFlags, CareFlags {
  readonly port: number
  readonly host: string
  readonly origin?: readonly string[]
  readonly cron?: string
  readonly every?: number
  readonly cronTimeZone?: string
  readonly expectedInterval?: number
}

const examples = `
Examples:
  chatwoot-sync serve
  chatwoot-sync serve --every 5m
  CHATWOOT_SYNC_TOKEN=... chatwoot-sync serve --host 0.0.0.0
  curl -H 'content-type: application/json' -d '{}' \\
    http://127.0.0.1:8080/api/runs

The page is at /, the API is described by /openapi.json, and
Prometheus reads /metrics. Other machines are let in only
with the token of CHATWOOT_SYNC_TOKEN. SIGTERM and SIGINT
end it within five seconds.`

/** Describes `serve` and what it does. */
export function register(command: Command): void {
  command
    .option('--port <number>', 'where to listen', wholeNumber(0), 8080)
    .option('--host <address>', 'at which address of this machine', '127.0.0.1')
    .option('--origin <site...>', 'other sites whose pages may use the API')
    .option('--every <time>', 'also sync by itself, each time after this', duration)
    .option('--cron <times>', 'or at these times, as of cron')
    .option('--cron-time-zone <name>', 'time zone of --cron (that of the host)')
    .option(
      '--expected-interval <time>',
      'from one good run to the next, for alerts (--every, or 24h)',
      duration,
    )
  addPipelineOptions(command)
  addOutputOptions(addCareOptions(command), 'print one JSON object a line')
    .addHelpText('after', examples)
    .action(serve)
}

async function serve(flags: ServeFlags): Promise<void> {
  loadEnvironment(flags.env)
  const databases = databasesOf(['source', 'target'], process.env)
  const token = process.env['CHATWOOT_SYNC_TOKEN']?.trim() || undefined
  const signal = endingSignal()
  await using log = await openLog(flags)
  const { createServer, openRunReader } = await import('../../lib/index.js')
  const { target } = databases
  await using reader = openRunReader({ target, pipeline: flags.pipeline })
  const run: SyncOptions = { ...databases, ...optionsOf(flags), logger: log.logger }
  const timetable: { next: Date | null } = { next: null }
  const watches = flags.every !== undefined || flags.cron !== undefined
  const nextRun = watches ? () => coming(timetable.next) : nextRunOfSystemd()
  const functions = { ...functionsOf(run, flags, signal), ...reader, nextRun }
  await using server = await createServer({ ...functions, token, origins: flags.origin, logger: log.logger })
  const { url, port } = await server.listen({ port: flags.port, host: flags.host })
  announce(url, port, flags)
  const stopped = signal.aborted ? undefined : once(signal, 'abort')
  await Promise.all([stopped, watchBeside({ ...run, signal }, flags, (next) => (timetable.next = next))])
}

function functionsOf(run: SyncOptions, flags: ServeFlags, signal: AbortSignal) {
  const { source, target, pipeline, skewAllowance, logger } = run
  const { every, expectedInterval = every, logFile, logDir } = flags
  const limits = { pipeline, skewAllowance, expectedInterval }
  return {
    startRun: async (request) => {
      const { syncConversations } = await import('../../lib/index.js')
      try {
        return await syncConversations({ ...run, ...request })
      } finally {
        if (!signal.aborted) void tellPeopleAfterRun({ target, ...limits, signal }, flags)
      }
    },
    verify: async (request) => {
      const { verifyConversations } = await import('../../lib/index.js')
      return verifyConversations({ source, target, ...pipelineOptionsOf(flags), ...request, logger })
    },
    health: async (request) => {
      const { checkHealth } = await import('../../lib/index.js')
      return checkHealth({
        source,
        target,
        ...limits,
        ...request,
        ...(logFile ? { logDirectory: logDir } : {}),
      })
    },
  } satisfies Partial<ServerFunctions>
}

/** Syncs by itself where that was asked for, in the same process, until the signal fires. */
async function watchBeside(
  run: Omit<WatchOptions, 'every' | 'cron'>,
  flags: ServeFlags,
  onWait: (next: Date) => void,
): Promise<void> {
  const { every, cron, cronTimeZone, expectedInterval = every } = flags
  if (every === undefined && cron === undefined) return
  const { watch } = await import('../../lib/index.js')
  const { target, pipeline, skewAllowance, signal } = run
  const where = { target, pipeline, skewAllowance, expectedInterval, signal }
  await watch({
    ...run,
    ...{ every, cron, cronTimeZone, onWait },
    onRun: async () => {
      if (!signal?.aborted) await tellPeopleAfterRun(where, flags)
    },
  })
}

function optionsOf(flags: ServeFlags) {
  return { ...pipelineOptionsOf(flags), ...careOptionsOf(flags) }
}

/** While a run is at work, the time at which it was due has passed. */
function coming(next: Date | null): Date | null {
  return next && next.getTime() > Date.now() ? next : null
}

function announce(url: string, port: number, { json, quiet }: ServeFlags): void {
  if (json) process.stdout.write(`${JSON.stringify({ event: 'listening', url, port })}\n`)
  else if (!quiet) process.stdout.write(`Listening at ${url}\n`)
}
