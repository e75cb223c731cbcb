import { sql, type CompiledQuery } from 'kysely'

import type { HashKey } from '../../domain/column-hash.js'
import { isSameServer, type Server, type Snapshot } from '../../domain/horizon.js'
import type { Session } from '../driver/session.js'
import { compile, onlyRow } from '../driver/statement.js'
import { between, joinReading, type Timeouts } from '../driver/transaction.js'
import { snapshotQuery, toServer, toSnapshot } from './probe.js'
import { passHashKey } from './protection.js'

/** A snapshot that other connections can read in, for as long as the transaction that has exported it is open. */
export interface SharedSnapshot {
  readonly id: string
  readonly server: Server
  readonly snapshot: Snapshot
}

const exportQuery: CompiledQuery<{ readonly id: string }> = compile(
  sql<{ id: string }>`select pg_export_snapshot()::text as id`,
)

/** Exports the snapshot of the open transaction, which any role may do, also on a standby. */
export async function exportSnapshot(source: Session): Promise<SharedSnapshot> {
  const [exported, taken] = await source.together([exportQuery, snapshotQuery])
  const row = onlyRow(taken)
  return { id: onlyRow(exported).id, server: toServer(row), snapshot: toSnapshot(row) }
}

/**
 * Opens a transaction that reads under an exported snapshot; false where another server answered, as behind an address that leads to several,
 * one of which may know a snapshot of the same name. Throws where the server knows none of that name.
 */
export async function joinSnapshot(
  session: Session,
  { id, server, snapshot }: SharedSnapshot,
  { hashKey, ...timeouts }: Timeouts & { readonly hashKey: HashKey | undefined },
): Promise<boolean> {
  const begin = [...joinReading(timeouts, id), ...(hashKey ? [passHashKey(hashKey)] : [])]
  const [taken] = await between(session, begin, [snapshotQuery])
  const row = onlyRow(taken)
  return isSameServer(server, toServer(row)) && isSameSnapshot(snapshot, toSnapshot(row))
}

/** The next id is that of the moment, and not of the snapshot. */
function isSameSnapshot(one: Snapshot, other: Snapshot): boolean {
  const facts = ({ xmin, xmax, inProgress }: Snapshot) => [xmin, xmax, ...inProgress].join()
  return facts(one) === facts(other)
}
