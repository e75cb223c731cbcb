import { resolve } from 'node:path'

import { takeLakeLock } from '../postgres/control/lake-lock.js'
import { deleteLake, readLake, requireLakeTables } from '../postgres/control/lakes.js'
import { openSession } from '../postgres/driver/connect.js'
import { beginWriting } from '../postgres/driver/transaction.js'
import { dropTriggers, tablesWithTriggers } from '../postgres/target/lake-triggers.js'
import { resolveLakeOptions, type LakeOptions } from './lake-options.js'

export type UnregisterOptions = Pick<LakeOptions, 'target' | 'schema' | 'pipeline' | 'to'>

/**
 * Forgets a lake: its triggers, its marks and its versions in the target. Its files stay as they are, for whoever reads them. Returns whether it
 * was registered. Throws LOCKED while another process writes it, and the errors of the target.
 *
 * @example await unregisterLake({ target, to: '/data/lake' })
 */
export async function unregisterLake(options: UnregisterOptions): Promise<boolean> {
  const resolved = resolveLakeOptions(options)
  const { schema, connectTimeout, pipeline, to } = resolved
  const connection = { applicationName: 'chatwoot-sync lake', connectTimeout, schema }
  await using target = await openSession('target', resolved.target, connection)
  await requireLakeTables(target)
  const name = { pipeline, lake: placeOf(to) }
  await takeLakeLock(target, name)
  const known = await readLake(target, name)
  if (!known) return false
  const tables = await target.rows(tablesWithTriggers(known.lakeId))
  await target.script(beginWriting(resolved))
  for (const table of tables) await target.together(dropTriggers({ table, lakeId: known.lakeId }))
  await deleteLake(target, name)
  await target.script(['commit'])
  return true
}

/** The name under which a place is registered, without opening it. */
export function placeOf(to: string): string {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]*)\/*(.*?)\/*$/.exec(to) ?? []
  if (bucket === undefined) return resolve(to)
  return prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`
}
