import { defaults, type SyncOptions } from '../../options.js'
import { addressOf, openSession, type DatabaseHandle } from '../../postgres/driver/connect.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import { failed, looking, ok, type Check } from './check.js'
import { checkClocks } from './clocks.js'
import { checkIndexes } from './indexes.js'
import { checkOwnRelation } from './own-relation.js'
import { checkPooler } from './pooler.js'
import { checkRunning } from './running-run.js'
import { checkMode, checkVersion } from './server.js'
import { checkReadOnly, checkRights } from './source-rights.js'
import { checkMigrated, checkNotChatwoot } from './target-migrated.js'
import { checkHistory, checkTable } from './target-table.js'

/** As for the run whose chances are asked for; the defaults are the same. */
export type DiagnoseOptions = Pick<
  SyncOptions,
  'source' | 'target' | 'relation' | 'table' | 'pipeline' | 'skewAllowance' | 'connectTimeout'
>

export interface Diagnosis {
  /** Nothing critical was found. */
  readonly ok: boolean
  readonly checks: readonly Check[]
}

/**
 * Looks at everything that a run needs, writes nothing, and tells in plain words what is wrong and what to do about it. What cannot be
 * reached, read or found is a check and not an error. A custom relation is read whole, to count its keys.
 *
 * @example const { ok, checks } = await diagnose({ source, target })
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const [source, target] = await Promise.all([connect('source', options), connect('target', options)])
  try {
    const [ofSource, ofTarget] = await Promise.all([
      source.session ? examineSource(source.session, options) : [],
      target.session ? examineTarget(target.session, options) : [],
    ])
    const ofBoth =
      source.session && target.session ? await examineBoth(source.session, target.session, options) : []
    const checks = [source.check, ...ofSource, target.check, ...ofTarget, ...ofBoth]
    return { ok: checks.every(({ outcome }) => outcome !== 'critical'), checks }
  } finally {
    await source.session?.[Symbol.asyncDispose]()
    await target.session?.[Symbol.asyncDispose]()
  }
}

interface Connection {
  readonly session: Session | undefined
  readonly check: Check
}

async function connect(side: Side, options: DiagnoseOptions): Promise<Connection> {
  const { connectTimeout = defaults.connectTimeout } = options
  const name = `${side}-connection`
  try {
    const settings = { applicationName: 'chatwoot-sync doctor', connectTimeout }
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

async function examineSource(source: Session, { relation }: DiagnoseOptions): Promise<readonly Check[]> {
  const checks = [
    await looking('source-version', source, checkVersion),
    await looking('source-mode', source, checkMode),
    await looking('source-read-only', source, (session) => checkReadOnly(session, relation?.name)),
  ]
  if (relation) return checks.flat()
  checks.push(await looking('source-rights', source, checkRights))
  checks.push(await looking('source-indexes', source, checkIndexes))
  return checks.flat()
}

async function examineTarget(target: Session, options: DiagnoseOptions): Promise<readonly Check[]> {
  const { table = defaults.table, pipeline = defaults.pipeline, relation } = options
  const checks = [
    await looking('target-version', target, checkVersion),
    await looking('target-pooler', target, checkPooler),
    await looking('target-database', target, checkNotChatwoot),
    await looking('target-migrated', target, checkMigrated),
    await looking('target-table', target, (session) => checkTable(session, table, relation?.key)),
    await looking('target-history', target, checkHistory),
    await looking('running-run', target, (session) => checkRunning(session, pipeline)),
  ]
  return checks.flat()
}

async function examineBoth(
  source: Session,
  target: Session,
  options: DiagnoseOptions,
): Promise<readonly Check[]> {
  const { relation, table = defaults.table, skewAllowance = defaults.skewAllowance } = options
  const clocks = await looking('clocks', source, (session) => checkClocks(session, target, skewAllowance))
  if (!relation) return clocks
  const own = await looking('relation', source, (session) =>
    looking('relation', target, (other) => checkOwnRelation(session, other, relation, table)),
  )
  return [...own, ...clocks]
}
