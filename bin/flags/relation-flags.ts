import type { Command } from 'commander'

import { SyncError } from '../../lib/domain/errors.js'
import type { CustomRelation } from '../../lib/index.js'

export interface RelationFlags {
  readonly relation?: string
  readonly key?: string
  readonly changedAt?: string
  readonly changedAtZone?: string
  readonly ignoreChanges?: readonly string[]
}

/** Adds the flags that name a relation to read in place of Chatwoot's tables. */
export function addRelationOptions(command: Command): Command {
  return command
    .option('--relation <name>', "view or table to read instead of Chatwoot's tables")
    .option('--key <column>', 'with --relation: the column that identifies a row')
    .option('--changed-at <column>', 'with --relation: the timestamp that every change updates')
    .option('--changed-at-zone <name>', 'its time zone, if it has none and is local (UTC)')
    .option('--ignore-changes <name...>', 'differing in these alone is no change')
}

/**
 * The relation that these flags name together; undefined without any. Throws CONFIG_MISSING when one that it needs is missing: alone, the
 * others would do nothing.
 */
export function relationOf({
  relation: name,
  key,
  changedAt,
  changedAtZone,
  ignoreChanges,
}: RelationFlags): CustomRelation | undefined {
  const all = [name, key, changedAt, changedAtZone, ignoreChanges]
  if (all.every((value) => value === undefined)) return undefined
  if (name !== undefined && key !== undefined && changedAt !== undefined) {
    return { name, key, changedAt, changedAtZone, ignoreChanges }
  }
  const given = { '--relation': name, '--key': key, '--changed-at': changedAt }
  const missing = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [option] : []))
  throw new SyncError('CONFIG_MISSING', `A custom relation also needs ${missing.join(' and ')}.`, {
    remedy: 'Give --relation, --key and --changed-at together.',
    details: { missing },
  })
}
