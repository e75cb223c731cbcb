import { SyncError } from '../../domain/errors.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { defaults, type SyncOptions } from '../../options.js'
import { addressOf, openSession, type DatabaseHandle } from '../../postgres/driver/connect.js'
import { readScans, type MeasuredScans } from '../../postgres/control/scans.js'
import { tableIn } from '../../postgres/driver/search-path.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import { examine, failed, ok, type Check } from './check.js'
import { checkClocks } from './clocks.js'
import { checkCustomRelation } from './custom-relation.js'
import { checkEncryption } from './encryption.js'
import { checkIndexes } from './indexes.js'
import { checkLakes } from './lakes.js'
import { checkRunning } from './running-run.js'
import { checkOpenTransactions } from './open-transactions.js'
import { checkPythonTarget } from './python-target.js'
import { checkPath } from './search-path.js'
import { checkMode, checkPooler, checkVersion } from './server.js'
import { checkOrphanEvents, checkZones } from './reports.js'
import { checkRelationHazards, checkSourceHazards } from './source-hazards.js'
import { checkReadOnly, checkRights } from './source-rights.js'
import { checkMigrated, checkNotChatwoot } from './target-migrated.js'
import { checkHeldColumns } from './held-columns.js'
import { checkFilledColumns, checkTableHazards } from './target-hazards.js'
import { checkHistory, checkTable } from './target-table.js'

/** The options of the run that is to work, with the same defaults. */
export type DiagnoseOptions = Pick<
  SyncOptions,
  'source' | 'target' | 'schema' | 'relation' | 'table' | 'pipeline' | 'skewAllowance' | 'connectTimeout'
>

export interface Diagnosis {
  /** Whether a run can work: no check is critical. */
  readonly ok: boolean
  /** In the order in which a run would meet them: the source, the target, both together. */
  readonly checks: readonly Check[]
}

/**
 * Checks everything that a run needs: connections, versions, rights, schema, migrations and clocks, and says what to do about each problem.
 * It writes nothing and takes no lock. A server that cannot be reached and a statement that fails are critical checks and not errors; a
 * statement fails after 60 s. A custom relation is read whole, to count its keys.
 *
 * @example
 * const { ok, checks } = await diagnose({ source, target })
 * for (const { outcome, message, remedy } of checks) console.log(outcome, message, remedy ?? '')
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  checkSchemaName(options.schema)
  const [source, target] = await Promise.all([connect('source', options), connect('target', options)])
  try {
    const measured = target.session && (await measuredScans(target.session, options))
    const [ofSource, ofTarget] = await Promise.all([
      source.session ? checkSource(source.session, options, measured) : [],
      target.session ? checkTarget(target.session, options) : [],
    ])
    const ofBoth =
      source.session && target.session ? await checkBoth(source.session, target.session, options) : []
    const checks = [source.check, ...ofSource, target.check, ...ofTarget, ...ofBoth]
    return { ok: checks.every(({ outcome }) => outcome !== 'critical'), checks }
  } finally {
    await source.session?.[Symbol.asyncDispose]()
    await target.session?.[Symbol.asyncDispose]()
  }
}

const tableOf = ({ schema, table = defaults.table }: DiagnoseOptions) => tableIn(schema, table)

interface Connection {
  readonly session: Session | undefined
  readonly check: Check
}

async function connect(side: Side, options: DiagnoseOptions): Promise<Connection> {
  const { connectTimeout = defaults.connectTimeout } = options
  const schema = side === 'target' ? options.schema : undefined
  const name = `${side}-connection`
  try {
    const settings = { applicationName: 'chatwoot-sync doctor', connectTimeout, schema }
    const session = await openSession(side, options[side], settings)
    return { session, check: ok(name, `The ${side} can be reached: ${nameOf(options[side])}.`) }
  } catch (error) {
    return { session: undefined, check: failed(name, error) }
  }
}

function nameOf(handle: DatabaseHandle): string {
  const { host, port, database } = addressOf(handle)
  return database === '' ? host : `${host}:${port}/${database}`
}

/** A target that cannot be asked has checks of its own. */
async function measuredScans(target: Session, { pipeline = defaults.pipeline }: DiagnoseOptions) {
  try {
    return await readScans(target, pipeline)
  } catch (error) {
    if (error instanceof SyncError) return undefined
    throw error
  }
}

async function checkSource(
  source: Session,
  options: DiagnoseOptions,
  measured: MeasuredScans | undefined,
): Promise<readonly Check[]> {
  const { relation, skewAllowance = defaults.skewAllowance } = options
  const checks = [
    checkEncryption(source, options.source),
    await examine('source-version', source, checkVersion),
    await examine('source-mode', source, checkMode),
    await examine('source-transactions', source, () => checkOpenTransactions(source, skewAllowance)),
    await examine('source-path', source, checkPath),
    await examine('source-read-only', source, () => checkReadOnly(source, relation?.name)),
  ]
  if (relation) {
    checks.push(await examine('relation-kind', source, () => checkRelationHazards(source, relation)))
    return checks.flat()
  }
  checks.push(await examine('source-rights', source, checkRights))
  checks.push(await examine('source-row-security', source, checkSourceHazards))
  checks.push(await examine('source-indexes', source, () => checkIndexes(source, measured)))
  checks.push(await examine('source-orphan-events', source, checkOrphanEvents))
  return checks.flat()
}

async function checkTarget(target: Session, options: DiagnoseOptions): Promise<readonly Check[]> {
  const { pipeline = defaults.pipeline, relation } = options
  const table = tableOf(options)
  const checks = [
    checkEncryption(target, options.target),
    await examine('target-version', target, checkVersion),
    await examine('target-pooler', target, checkPooler),
    await examine('target-path', target, checkPath),
    await examine('target-database', target, checkNotChatwoot),
  ]
  // What the tables of another program lack, migrate adds.
  const ofPython = await examine('target-migrated', target, checkPythonTarget)
  if (ofPython.length > 0) return [...checks.flat(), ...ofPython]
  checks.push(
    await examine('target-migrated', target, checkMigrated),
    await examine('target-table', target, () => checkTable(target, table, relation?.key)),
    await examine('target-table', target, () => checkTableHazards(target, table)),
    ...(relation ? [] : [await examine('target-table', target, () => checkFilledColumns(target, table))]),
    ...(relation
      ? []
      : [await examine('target-held-columns', target, () => checkHeldColumns(target, table, pipeline))]),
    await examine('target-history', target, checkHistory),
    ...(relation ? [] : [await examine('target-zone', target, checkZones)]),
    await examine('target-lake', target, () => checkLakes(target, pipeline)),
    await examine('running-run', target, () => checkRunning(target, pipeline)),
  )
  return checks.flat()
}

async function checkBoth(
  source: Session,
  target: Session,
  options: DiagnoseOptions,
): Promise<readonly Check[]> {
  const { relation, skewAllowance = defaults.skewAllowance } = options
  const clocks = await examine('clocks', source, () => checkClocks(source, target, skewAllowance))
  if (!relation) return clocks
  const custom = await examine('relation', source, () =>
    examine('relation', target, () => checkCustomRelation(source, target, relation, tableOf(options))),
  )
  return [...custom, ...clocks]
}
