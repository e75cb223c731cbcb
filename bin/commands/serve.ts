import { once } from 'node:events'

import type { Command } from 'commander'

import type { SyncOptions, WatchOptions } from '../../lib/index.js'
import type { ServerFunctions } from '../../lib/server/index.js'
import { databasesOf } from '../flags/databases.js'
import { addLoadOptions, loadOptionsOf, type LoadFlags } from '../flags/load-flags.js'
import { duration, wholeNumber } from '../flags/option-values.js'
import { addOutputOptions, type OutputFlags } from '../flags/output-flags.js'
import { inboxIds, type InboxFlag } from '../flags/inbox-names.js'
import { addPipelineOptions, pipelineOptionsOf, type PipelineFlags } from '../flags/pipeline-flags.js'
import { schemaOf } from '../flags/schema-flag.js'
import { loadSettings } from '../flags/settings-file.js'
import { openLog } from '../logs/run-log.js'
import { writeLakesAfterRun, type LakesFlag } from '../output/lakes-after-run.js'
import { sendAlertsAfterRun } from '../output/send-alerts.js'
import { serviceStopSignal } from '../process/stop-signal.js'
import { nextRunOfSystemd } from '../schedule/next-run.js'
import { offerCollector } from '../process/collector.js'

interface ServeFlags extends PipelineFlags, LoadFlags, OutputFlags, LakesFlag {
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

The page is at /, the description of the API at
/openapi.json, and metrics for Prometheus at /metrics.
Other machines need the token in CHATWOOT_SYNC_TOKEN.
SIGTERM and SIGINT stop it within five seconds.`

/** Registers `serve`. */
export function register(command: Command): void {
  command
    .option('--port <number>', 'port to listen on', wholeNumber(0), 8080)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--origin <site...>', 'other sites whose pages may call the API')
    .option('--every <time>', 'also sync automatically, at this interval', duration)
    .option('--cron <times>', 'or at these times, in cron syntax')
    .option('--cron-time-zone <name>', "time zone of --cron (the host's)")
    .option('--expected-interval <time>', 'between successful runs, for alerts (--every, or 24h)', duration)
    .option('--lake', 'after each run, bring the lakes of the pipeline up to date')
  addPipelineOptions(command)
  addOutputOptions(addLoadOptions(command), 'print one JSON object per line')
    .addHelpText('after', examples)
    .action(serve)
}

async function serve(given: Omit<ServeFlags, 'inbox'> & { readonly inbox?: InboxFlag }): Promise<void> {
  loadSettings(given.env)
  offerCollector()
  const flags = { ...given, inbox: await inboxIds(given.inbox) }
  const databases = databasesOf(['source', 'target'], process.env)
  const token = process.env['CHATWOOT_SYNC_TOKEN']?.trim() || undefined
  const signal = serviceStopSignal()
  await using log = await openLog(flags)
  const { createServer, openRunReader } = await import('../../lib/server/index.js')
  const { target } = databases
  await using reader = openRunReader({
    target,
    schema: schemaOf(flags, process.env),
    pipeline: flags.pipeline,
  })
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
  const { source, target, schema, pipeline, skewAllowance, logger } = run
  const { every, expectedInterval = every, logFile, logDir } = flags
  const limits = { schema, pipeline, skewAllowance, expectedInterval }
  return {
    startRun: async (request) => {
      const { syncConversations } = await import('../../lib/index.js')
      try {
        const options = { ...run, ...request }
        return await writeLakesAfterRun(await syncConversations(options), options, flags)
      } finally {
        if (!signal.aborted) void sendAlertsAfterRun({ target, ...limits, signal }, flags)
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

/** Syncs automatically in this process if `--every` or `--cron` asks for it, until the signal aborts. */
async function watchBeside(
  run: Omit<WatchOptions, 'every' | 'cron'>,
  flags: ServeFlags,
  onWait: (next: Date) => void,
): Promise<void> {
  const { every, cron, cronTimeZone, expectedInterval = every } = flags
  if (every === undefined && cron === undefined) return
  const { watch } = await import('../../lib/index.js')
  const { target, schema, pipeline, skewAllowance, signal } = run
  const where = { target, schema, pipeline, skewAllowance, expectedInterval, signal }
  await watch({
    ...run,
    ...{ every, cron, cronTimeZone, onWait },
    onRun: async ({ report }) => {
      if (report) await writeLakesAfterRun(report, run, flags)
      if (!signal?.aborted) await sendAlertsAfterRun(where, flags)
    },
  })
}

function optionsOf(flags: ServeFlags) {
  return { ...pipelineOptionsOf(flags), ...loadOptionsOf(flags) }
}

/** Null while a run is running, because the time at which it was due has passed. */
function coming(next: Date | null): Date | null {
  return next && next.getTime() > Date.now() ? next : null
}

function announce(url: string, port: number, { json, quiet }: ServeFlags): void {
  if (json) process.stdout.write(`${JSON.stringify({ event: 'listening', url, port })}\n`)
  else if (!quiet) process.stdout.write(`Listening at ${url}\n`)
}
