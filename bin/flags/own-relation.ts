import { SyncError } from '../../lib/domain/errors.js'
import type { CustomRelation } from '../../lib/index.js'

export interface RelationFlags {
  readonly relation?: string
  readonly key?: string
  readonly changedAt?: string
}

/** The relation that `--relation`, `--key` and `--changed-at` name together. Throws CONFIG_MISSING when one of them is missing. */
export function relationOf({ relation: name, key, changedAt }: RelationFlags): CustomRelation | undefined {
  if (name === undefined && key === undefined && changedAt === undefined) return undefined
  if (name !== undefined && key !== undefined && changedAt !== undefined) return { name, key, changedAt }
  const given = { '--relation': name, '--key': key, '--changed-at': changedAt }
  const missing = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [option] : []))
  throw new SyncError('CONFIG_MISSING', `A relation of your own also needs ${missing.join(' and ')}.`, {
    remedy: 'Give --relation, --key and --changed-at together.',
    details: { missing },
  })
}
