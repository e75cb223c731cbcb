import { SyncError } from '../../domain/errors.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { defaults } from '../../options.js'
import type { DatabaseHandle } from '../../postgres/driver/connect.js'
import { readHealth, type HealthLimits } from '../../postgres/control/health.js'
import { toReport, type HealthCheck, type HealthReport, type Language } from './health-check.js'
import { toCheck } from './health-text.js'
import { checkLogDisk } from './log-disk.js'
import { connect, failed, type ConnectSettings } from './reachable.js'

export interface HealthOptions {
  /** The database whose control tables are checked; SELECT rights on them are enough. */
  readonly target: DatabaseHandle
  /** The schema of the tables, as in the runs. (Default: as there.) */
  readonly schema?: string | undefined
  /** The database of which to check that it can be reached. (Default: none.) */
  readonly source?: DatabaseHandle | undefined
  /** (Default: conversations.) */
  readonly pipeline?: string | undefined
  /**
   * Milliseconds from one successful run to the next. It is critical once this and a tenth of it, ten minutes at least, have passed.
   * (Default: the setting `chatwoot_sync.expected_interval` of the database, else 86 400 000, a day, as the schedule runs daily.)
   */
  readonly expectedInterval?: number | undefined
  /** Milliseconds after which a run that is still in progress is critical. (Default: the setting `chatwoot_sync.stuck_after`, else 21 600 000, six hours.) */
  readonly stuckAfter?: number | undefined
  /** Milliseconds: the `skewAllowance` of the runs. (Default: the setting `chatwoot_sync.skew_allowance`, else 60 000, as in the runs.) */
  readonly skewAllowance?: number | undefined
  /** Folder of the log files, whose disk is checked. (Default: none.) */
  readonly logDirectory?: string | undefined
  /** Milliseconds until a server that does not respond counts as unreachable. (Default: 10 000, as in the runs.) */
  readonly connectTimeout?: number | undefined
  /** Language of messages and remedies. (Default: en.) */
  readonly language?: Language | undefined
}

/**
 * Checks whether the table of a pipeline can be relied on: its runs, by the function `etl_health` of the target; that the servers can be
 * reached; and that the disk of the log files is not full.
 *
 * It needs no running process, writes nothing and takes no lock. A server that cannot be reached or a target that was not migrated is a
 * critical check, not an error. Throws CONFIG_MISSING without a target, and CONFIG_INVALID for a duration that is not above 0.
 *
 * @example
 * const { healthy, checks } = await checkHealth({ target: process.env.LOCAL_DATABASE_URL, expectedInterval: 3_600_000 })
 * for (const { outcome, message } of checks) if (outcome !== 'ok') console.warn(outcome, message)
 */
export async function checkHealth(options: HealthOptions): Promise<HealthReport> {
  const { source, target, schema, logDirectory } = options
  const { connectTimeout = defaults.connectTimeout, language = 'en' } = options
  checkSchemaName(schema)
  const limits = limitsOf(options)
  const settings = { connectTimeout, language }
  const [ofTarget, ofSource, ofLogs] = await Promise.all([
    checkTarget(target, limits, { ...settings, schema }),
    source === undefined ? [] : checkSource(source, settings),
    logDirectory === undefined ? [] : checkLogDisk(logDirectory, language).then((check) => [check]),
  ])
  return toReport(limits.pipeline, [...ofTarget, ...ofSource, ...ofLogs])
}

/** The limits that the options set. Throws CONFIG_INVALID, CONFIG_MISSING. */
export function limitsOf(options: Omit<HealthOptions, 'source' | 'schema'>): HealthLimits {
  const { target, pipeline = defaults.pipeline, expectedInterval, stuckAfter, skewAllowance } = options
  if (target === undefined) {
    throw new SyncError('CONFIG_MISSING', 'The option target is missing.', {
      remedy: 'Set it to a connection string, a configuration or a pool of pg, or a Kysely.',
    })
  }
  for (const [name, value] of Object.entries({ expectedInterval, stuckAfter, skewAllowance })) {
    if (value === undefined || (value > 0 && Number.isFinite(value))) continue
    throw new SyncError('CONFIG_INVALID', `${name} is ${value}, which is not a duration.`, {
      remedy: 'Use a number of milliseconds above 0.',
    })
  }
  return { pipeline, expectedInterval, stuckAfter, skewAllowance }
}

async function checkTarget(
  target: DatabaseHandle,
  limits: HealthLimits,
  settings: ConnectSettings,
): Promise<readonly HealthCheck[]> {
  const { session, check } = await connect('target', target, settings)
  if (!session) return [check]
  try {
    const rows = await readHealth(session, limits)
    return [check, ...rows.map((row) => toCheck(row, settings.language))]
  } catch (error) {
    return [failed('target', error, settings)]
  } finally {
    await session[Symbol.asyncDispose]()
  }
}

async function checkSource(
  source: DatabaseHandle,
  settings: ConnectSettings,
): Promise<readonly HealthCheck[]> {
  const { session, check } = await connect('source', source, settings)
  await session?.[Symbol.asyncDispose]()
  return [check]
}
