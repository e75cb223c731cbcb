import { contactColumns, emptyTexts, type ChangedContact, type ContactPrints } from '../../chatwoot/feeds.js'
import type { Column } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { isText, plainText } from '../../postgres/driver/types/column-type.js'
import {
  conversationsThatDiffer,
  printLoaded,
  type ShownCell,
  type ShownCells,
} from '../../postgres/target/contact-conversations.js'
import { isCountable } from '../../postgres/target/load-plan.js'
import { cellOf, type QueryScope } from './queries.js'

/**
 * What is compared of the conversations of a contact that changed before they are read: what would be loaded, so that protected columns are
 * compared as they are stored. Undefined where the target may hold something else than what was loaded: then each of them is read.
 */
export function planContactLook(
  { plan: { load, protection, custom } }: QueryScope,
  { hasTransform }: { readonly hasTransform: boolean },
): ShownCells | undefined {
  const find = (name: string) => load.columns.find((column) => column.name === name)
  const texts = protection.columns.get('empty_texts') === 'exclude' ? undefined : find('empty_texts')
  const isComparable = !texts || isTexts(texts)
  if (custom || hasTransform || !isCountable(load) || !find('contact_id') || !isComparable) return undefined
  const shown = (name: string, from: string): ShownCell[] => {
    const column = find(name)
    return column ? [{ column, loaded: cellOf(from, protection.columns.get(name)) }] : []
  }
  const empty = (part: keyof typeof emptyTexts): ShownCell[] =>
    texts ? [{ column: { ...texts, type: 'text', definition: plainText }, ...emptyTexts[part] }] : []
  return {
    contact: [...contactColumns.flatMap((name) => shown(name, name)), ...empty('contact')],
    client: [...shown('client_phone', 'contact_phone'), ...empty('client')],
    knowsClient: find('client_sender_id') !== undefined && !protection.columns.has('client_sender_id'),
  }
}

const isTexts = ({ definition: { element } }: Column) => element !== undefined && isText(element.kind)

/** The fingerprints that the source is asked for. */
export function contactPrints(look: ShownCells | undefined, source: Session): ContactPrints | undefined {
  return look && { contact: printLoaded(look.contact, source), client: printLoaded(look.client, source) }
}

/**
 * Ids of the conversations among them that have to be read: all that the target does not show with the contact as it is now. `known` are
 * read anyway. Call it in the snapshot in which they will be read, and before anything is written.
 */
export async function conversationsToRead(
  { plan, target }: QueryScope & { readonly target: Session },
  look: ShownCells | undefined,
  contacts: readonly ChangedContact[],
  known: ReadonlySet<string>,
): Promise<string[]> {
  const unknown = (ids: string | null) => listOf(ids).filter((id) => !known.has(id))
  const lost = contacts.flatMap((contact) => unknown(contact.lost_ids))
  const found = contacts
    .map((each) => ({
      ...{ contact: each.contact_id, contactPrint: each.contact_print, clientPrint: each.client_print },
      ...{ own: unknown(each.own_ids), other: unknown(each.other_ids) },
    }))
    .filter(({ own, other }) => own.length + other.length > 0)
  if (found.length === 0) return lost
  const differing = look
    ? await conversationsThatDiffer(target, plan.load, look, found)
    : found.flatMap(({ own, other }) => [...own, ...other])
  return [...lost, ...differing]
}

const listOf = (ids: string | null): string[] => ids?.slice(1, -1).split(',') ?? []
