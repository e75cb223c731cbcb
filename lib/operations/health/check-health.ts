import { SyncError } from '../../domain/errors.js'
import { defaults } from '../../options.js'
import type { DatabaseHandle } from '../../postgres/driver/connect.js'
import { readHealth, type HealthLimits } from '../../postgres/control/health.js'
import { toReport, type HealthCheck, type HealthReport, type Language } from './health-check.js'
import { toCheck } from './health-text.js'
import { checkLogDisk } from './log-disk.js'
import { reach, refused, type ReachOptions } from './reachable.js'

export interface HealthOptions {
  readonly target: DatabaseHandle
  /** (Default: whether it can be reached is not looked at.) */
  readonly source?: DatabaseHandle | undefined
  /** (Default: conversations.) */
  readonly pipeline?: string | undefined
  /**
   * Milliseconds from one good run to the next. A tenth of it, ten minutes at least, is allowed on top before it is critical.
   * (Default: the database's setting `chatwoot_sync.expected_interval`, else 86 400 000, a day, as the schedule has it.)
   */
  readonly expectedInterval?: number | undefined
  /** Milliseconds after which a run that is still at work is critical. (Default: setting `chatwoot_sync.stuck_after`, else six hours.) */
  readonly stuckAfter?: number | undefined
  /** Milliseconds, as given to the runs. (Default: setting `chatwoot_sync.skew_allowance`, else 60 000.) */
  readonly skewAllowance?: number | undefined
  /** Folder of the log files. (Default: their disk is not looked at.) */
  readonly logDirectory?: string | undefined
  /** Milliseconds until a server that does not answer counts as unreachable. (Default: 10 000.) */
  readonly connectTimeout?: number | undefined
  /** Of the messages, and of what to do. (Default: en.) */
  readonly language?: Language | undefined
}

/**
 * How a pipeline is doing: what `vw_etl_health` says of its runs, and whether the servers can be reached and the logs have room. It
 * works when nothing runs, writes nothing, and what it cannot reach or read is a check, not an error. Throws CONFIG_INVALID.
 *
 * @example
 * const { healthy, checks } = await checkHealth({ target: process.env.LOCAL_DATABASE_URL, expectedInterval: 3_600_000 })
 */
export async function checkHealth(options: HealthOptions): Promise<HealthReport> {
  const { source, target, logDirectory } = options
  const { connectTimeout = defaults.connectTimeout, language = 'en' } = options
  const limits = limitsOf(options)
  const reaching = { connectTimeout, language }
  const [ofTarget, ofSource, ofLogs] = await Promise.all([
    examineTarget(target, limits, reaching),
    source === undefined ? [] : examineSource(source, reaching),
    logDirectory === undefined ? [] : checkLogDisk(logDirectory, language).then((check) => [check]),
  ])
  return toReport(limits.pipeline, [...ofTarget, ...ofSource, ...ofLogs])
}

/** What the options say, checked. Throws CONFIG_INVALID, CONFIG_MISSING. */
export function limitsOf(options: Omit<HealthOptions, 'source'>): HealthLimits {
  const { target, pipeline = defaults.pipeline, expectedInterval, stuckAfter, skewAllowance } = options
  if (target === undefined) {
    throw new SyncError('CONFIG_MISSING', 'The option target is missing.', {
      remedy: 'Give a connection string, a configuration or a pool of pg, or a Kysely.',
    })
  }
  for (const [name, value] of Object.entries({ expectedInterval, stuckAfter, skewAllowance })) {
    if (value === undefined || (value > 0 && Number.isFinite(value))) continue
    throw new SyncError('CONFIG_INVALID', `${name} is ${value}, which is no duration.`, {
      remedy: 'Give milliseconds, above 0.',
    })
  }
  return { pipeline, expectedInterval, stuckAfter, skewAllowance }
}

async function examineTarget(
  target: DatabaseHandle,
  limits: HealthLimits,
  reaching: ReachOptions,
): Promise<readonly HealthCheck[]> {
  const { session, check } = await reach('target', target, reaching)
  if (!session) return [check]
  try {
    const rows = await readHealth(session, limits)
    return [check, ...rows.map((row) => toCheck(row, reaching.language))]
  } catch (error) {
    return [refused('target', error, reaching)]
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

async function examineSource(
  source: DatabaseHandle,
  reaching: ReachOptions,
): Promise<readonly HealthCheck[]> {
  const { session, check } = await reach('source', source, reaching)
  await session?.[Symbol.asyncDispose]()
  return [check]
}
