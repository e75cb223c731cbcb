import { SyncError } from '../domain/errors.js'
import { silentLogger } from '../domain/logger.js'
import { checkSchemaName } from '../domain/schema-name.js'
import { defaults, type SyncOptions } from '../options.js'
import type { RegisteredLake } from '../postgres/control/lakes.js'
import type { LakeProgress } from './replicate/lake-report.js'
import type { StorageOptions } from './storage/storage.js'

/** Options of `replicateToLake`. Only `target` and `to` are required. */
export interface LakeOptions
  extends
    StorageOptions,
    Pick<SyncOptions, 'target' | 'schema' | 'table' | 'pipeline' | 'statementTimeout' | 'lockTimeout'>,
    Pick<SyncOptions, 'connectTimeout' | 'signal' | 'logger'> {
  /** Where the lake is: a folder, which is created, or `s3://bucket/prefix`. */
  readonly to: string
  /** Names of columns that the lake is to lack. (Default: as the lake was begun; none in a new one.) */
  readonly without?: readonly string[] | undefined
  /**
   * Whether times are written without a zone, as the table has them, or as points in time in UTC, which readers of Delta need that know only its
   * first versions. (Default: as the lake was begun; ntz in a new one.)
   */
  readonly timestamps?: 'ntz' | 'utc' | undefined
  /** Rows from which each of the two newest months is written as one file a day, so that a run need not write the whole month. (Default: 100,000.) */
  readonly dailyFrom?: number | undefined
  /** Writes every file anew. (Default: false.) */
  readonly sinceScratch?: boolean | undefined
  /** Writes every file anew with the columns and types that the table has now, and with other `without` and `timestamps`. (Default: false.) */
  readonly rebuild?: boolean | undefined
  /** Compares every month with the lake and writes nothing. (Default: false.) */
  readonly check?: boolean | undefined
  /** Compares every month with the lake, and writes those that differ. (Default: false, which trusts the marks.) */
  readonly repair?: boolean | undefined
  /**
   * Milliseconds for which earlier versions stay readable: files that no version has needed since are removed after the commit. (Default:
   * nothing is removed.)
   */
  readonly vacuum?: number | undefined
  /** Called before each file; an error thrown here fails the call. */
  readonly onProgress?: ((progress: LakeProgress) => void) | undefined
}

type Defaulted =
  'pipeline' | 'table' | 'statementTimeout' | 'lockTimeout' | 'connectTimeout' | 'dailyFrom' | 'logger'

/** With every default filled in, and checked. */
export type ResolvedLakeOptions = Readonly<
  Omit<LakeOptions, Defaulted> & { [Name in Defaulted]-?: NonNullable<LakeOptions[Name]> }
>

/** Below 100,000 rows a month takes about as long to write as the rest of a run. */
const usualDailyFrom = 100_000

/** Throws CONFIG_MISSING or CONFIG_INVALID. */
export function resolveLakeOptions(options: LakeOptions): ResolvedLakeOptions {
  for (const name of ['target', 'to'] as const) {
    if (options[name] !== undefined) continue
    throw new SyncError('CONFIG_MISSING', `The option ${name} is missing.`, {
      remedy: name === 'to' ? 'Name a folder, or s3://bucket/prefix.' : 'Name the database of the table.',
    })
  }
  checkSchemaName(options.schema)
  const { timestamps = 'ntz' } = options
  if (timestamps !== 'ntz' && timestamps !== 'utc') throw invalid('timestamps', 'Use ntz or utc.')
  for (const name of ['vacuum', 'dailyFrom'] as const) {
    const value = options[name]
    if (value !== undefined && !(value >= 0 && Number.isFinite(value)))
      throw invalid(name, 'Use a number from 0.')
  }
  if (
    options.check &&
    (options.repair || options.rebuild || options.sinceScratch || options.vacuum !== undefined)
  )
    throw invalid('check', 'It writes nothing: leave out repair, rebuild, sinceScratch and vacuum.')
  const {
    table = defaults.table,
    pipeline = defaults.pipeline,
    statementTimeout = defaults.statementTimeout,
    lockTimeout = defaults.lockTimeout,
    connectTimeout = defaults.connectTimeout,
    dailyFrom = usualDailyFrom,
    logger = silentLogger,
  } = options
  const filled = { table, pipeline, statementTimeout, lockTimeout, connectTimeout, dailyFrom, logger }
  return Object.freeze({ ...options, ...filled })
}

/** The options by which a lake that is registered is written once more. */
export function optionsOfLake({ lake, table, settings }: RegisteredLake) {
  const { endpoint, region, pathStyle } = settings
  return { to: lake, table, endpoint, region, pathStyle } satisfies Partial<LakeOptions>
}

function invalid(option: string, remedy: string): SyncError {
  return new SyncError('CONFIG_INVALID', `The option ${option} has a value that cannot work.`, { remedy })
}
