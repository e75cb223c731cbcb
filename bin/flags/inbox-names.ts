import { findInboxes } from '../../lib/operations/find-inboxes.js'
import { databasesOf } from './databases.js'
import { ids } from './option-values.js'

/** Ids of inboxes, and names of others. */
export type InboxFlag = readonly (number | string)[]

/** Parses ids, or one name, and adds them to the earlier ones: `--inbox 1 2`, `--inbox 1,2`, `--inbox Suporte Vendas`. */
export function idsOrName(text: string, earlier: InboxFlag = []): InboxFlag {
  return /^[\d,]+$/.test(text) ? [...earlier, ...ids(text)] : [...earlier, text]
}

/** The ids of all of them; the source is asked if one is named. Throws CONFIG_INVALID for a name that no inbox has. */
export async function inboxIds(inbox: InboxFlag | undefined): Promise<readonly number[] | undefined> {
  const names = inbox?.filter((each) => typeof each === 'string') ?? []
  const known = inbox?.filter((each) => typeof each === 'number')
  if (names.length === 0) return known
  const { source } = databasesOf(['source'], process.env)
  return [...(known ?? []), ...(await findInboxes({ source, names }))]
}
