import { createHash } from 'node:crypto'

import { addedColumns } from '../../chatwoot/added-columns.js'
import type { ColumnRules } from '../../chatwoot/column-rules.js'
import { SyncError } from '../../domain/errors.js'
import { hashKeyOf } from '../../domain/column-hash.js'
import type { ResolvedOptions } from '../../options.js'
import { isBuiltIn, isOneOf, lengthOf } from '../../postgres/driver/types/column-type.js'
import type { Protection, Protections } from '../../postgres/source/protection.js'
import type { LoadPlan } from '../../postgres/target/load-plan.js'
import { heldColumns, type KnownColumns } from './held-columns.js'

type Rules = Pick<
  ResolvedOptions,
  'columns' | 'messageTexts' | 'hashSecret' | 'accounts' | 'inboxes' | 'relation'
> & { readonly known?: KnownColumns | undefined }

/** How columns are protected before they leave the source. */
export interface ProtectionPlan {
  readonly columns: Protections
  /** Identifies `columns` and the secret of the hashes; null where nothing is protected. */
  readonly digest: string | null
  /** The same without `held`, which no earlier run could have protected. */
  readonly namedDigest: string | null
  /** Columns among them that no option names, and that are left out because a release added them; see `heldColumns`. */
  readonly held: readonly string[]
}

/**
 * How each column is protected, checked against what is loaded. Throws CONFIG_INVALID for a column that is not loaded, that the run itself
 * needs, or whose type cannot hold the result.
 */
export function planProtection(rules: Rules, load: LoadPlan, changedAt: string): ProtectionPlan {
  const named = protectionsOf(rules, load, changedAt)
  const loaded = load.columns.map(({ name }) => name)
  const held = rules.relation ? [] : heldColumns(rules, loaded, rules.known)
  const columns = new Map([...named, ...held.map((name) => [name, 'exclude'] as const)])
  return { columns, digest: digestOf(rules, columns), namedDigest: digestOf(rules, named), held }
}

/** Columns of a conversation that hold what people wrote. */
export const messageColumns = ['message_compiled', 'csat_feedback', 'first_message_text', 'last_message_text']

function protectionsOf(rules: Rules, load: LoadPlan, changedAt: string): Protections {
  const needed = new Map([
    [load.key, 'it is the key'],
    [changedAt, 'it shows what changed'],
    ['contact_id', 'forget finds the rows of a contact by it'],
    ...(rules.accounts ? [['account_id', 'the filter needs it'] as const] : []),
    ...(rules.inboxes ? [['inbox_id', 'the filter needs it'] as const] : []),
  ])
  const protections = new Map<string, Protection>()
  for (const [name, how] of namedRules(rules.columns)) {
    const column = load.columns.find((each) => each.name === name)
    // A setting may name it before the migration that adds it.
    if (!column && !rules.relation && name in addedColumns) continue
    if (!column) throw invalidRule(how, name, 'no such column is loaded', 'Correct the name.')
    const reason = needed.get(name)
    if (reason) throw invalidRule(how, name, reason, 'Leave it out of columns.')
    requireFitting(how, column, load.table.required)
    protections.set(name, how)
  }
  // The built-in query leaves the texts out by itself and keeps the rest of message_compiled.
  if (rules.relation && !rules.messageTexts) {
    const present = load.columns.filter(({ name }) => messageColumns.includes(name))
    for (const column of present) {
      requireFitting('exclude', column, load.table.required)
      protections.set(column.name, 'exclude')
    }
  }
  return protections
}

/** Of each column that the options name; the order and the number of keys decide nothing. */
function namedRules(rules: ColumnRules = {}): (readonly [name: string, how: Protection])[] {
  const plain = (['exclude', 'hash', 'mask'] as const).flatMap((how) =>
    (rules[how] ?? []).map((name) => [name, how] as const),
  )
  const kept = Object.entries(rules.keepKeys ?? {}).map(
    ([name, keys = []]) => [name, { keepKeys: [...new Set(keys)].sort() }] as const,
  )
  return [...plain, ...kept]
}

function requireFitting(
  how: Protection,
  { name, type, definition }: LoadPlan['columns'][number],
  required: readonly string[],
) {
  if (how === 'exclude') {
    if (!required.includes(name)) return
    throw invalidRule(
      how,
      name,
      'it cannot be NULL in the target',
      'Drop its NOT NULL there, or mask or hash it.',
    )
  }
  const isJson = isBuiltIn(definition) && isOneOf(definition.kind, 'json', 'jsonb')
  if (typeof how === 'object') {
    if (isJson) return
    throw invalidRule(
      how,
      name,
      `its type in the target is ${type}, which has no keys`,
      'Exclude, hash or mask it.',
    )
  }
  if (!isBuiltIn(definition) || !isOneOf(definition.kind, 'text', 'varchar')) {
    const remedy = isJson ? 'Exclude it, or name the keys of it to load in columns.keepKeys.' : 'Exclude it.'
    throw invalidRule(how, name, `its type in the target is ${type}, which is not a text type`, remedy)
  }
  const size = lengthOf(definition) ?? Infinity
  if (how === 'hash' && size < 64) {
    throw invalidRule(
      how,
      name,
      `a hash has 64 characters and its type in the target is ${type}`,
      'Make it text.',
    )
  }
}

function invalidRule(how: Protection, name: string, reason: string, remedy: string): SyncError {
  const rule = typeof how === 'object' ? 'keepKeys' : how
  return new SyncError('CONFIG_INVALID', `columns.${rule} names ${name}, but ${reason}.`, {
    remedy,
    details: { column: name },
  })
}

/** Of the secret it holds no more than a digest of a digest. */
function digestOf(
  { hashSecret, messageTexts }: Pick<Rules, 'hashSecret' | 'messageTexts'>,
  protections: Protections,
): string | null {
  if (protections.size === 0 && messageTexts) return null
  const sorted = [...protections].sort(([one], [other]) => (one < other ? -1 : 1))
  const isHashed = sorted.some(([, how]) => how === 'hash')
  const key = isHashed && hashSecret !== undefined ? hashKeyOf(hashSecret).digest : null
  return createHash('sha256')
    .update(JSON.stringify([sorted, messageTexts, key]))
    .digest('hex')
    .slice(0, 16)
}
