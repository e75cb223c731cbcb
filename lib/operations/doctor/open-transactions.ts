import { countText, durationText } from '../../domain/quantity-text.js'
import type { Session } from '../../postgres/driver/session.js'
import { readOpenTransactions, type OpenTransactions } from '../../postgres/source/open-transactions.js'
import { warning, type Check } from './check.js'

const name = 'source-transactions'

/** Ids that a server hands out meanwhile; for where the start of a transaction cannot be seen. */
const manyIds = 100_000

/**
 * Whether transactions of the source have been open for so long that much is read again. On a primary those of other databases do not
 * matter; a standby does not show to which database one belongs.
 */
export async function checkOpenTransactions(
  source: Pick<Session, 'rows'>,
  skewAllowance: number,
): Promise<Check[]> {
  const found = await readOpenTransactions(source)
  if (!found) return []
  return [...preparedFor(found, limitOf(skewAllowance)), ...openFor(found, limitOf(skewAllowance))]
}

/** Seconds; as for the warning HELD_BACK of a run. */
const limitOf = (skewAllowance: number) => skewAllowance / 100

function openFor({ isStandby, seconds, ids }: OpenTransactions, limit: number): Check[] {
  const since =
    seconds !== null && Number(seconds) > limit
      ? `for ${durationText(Number(seconds))}`
      : Number(ids) > manyIds
        ? `while ${countText(Number(ids))} transaction ids were given out`
        : undefined
  if (since === undefined) return []
  const where = isStandby ? 'on the primary of the source, in any of its databases,' : 'in the source'
  const server = isStandby ? 'there' : 'in the source'
  const cost = isStandby ? 'until it ends, each run reads again' : 'once it has ended, one run reads again'
  const prepared = isStandby
    ? ' One that was prepared is in pg_prepared_xacts there: select gid, database, owner, prepared from pg_prepared_xacts order by prepared;'
    : ''
  return [
    warning(
      name,
      `A transaction ${where} has been open ${since}; ${cost} what changed since it began.`,
      `Find it ${server}: select pid, datname, application_name, xact_start from pg_stat_activity where xact_start is not null order by xact_start; if nobody needs it, end it with pg_terminate_backend(pid).${prepared}`,
    ),
  ]
}

function preparedFor({ prepared }: OpenTransactions, limit: number): Check[] {
  if (prepared === null || prepared.seconds <= limit) return []
  const { database, owner, others } = prepared
  const gid = `'${prepared.gid.replaceAll("'", "''")}'`
  const more = others > 0 ? ` More of them: ${countText(others)}.` : ''
  return [
    warning(
      name,
      `The transaction ${gid} was prepared in the database ${database} ${durationText(prepared.seconds)} ago and neither committed nor rolled back; once it is, one run reads again what changed since it began.${more}`,
      `Have ${owner}, who prepared it, or a superuser connect to ${database} and run: commit prepared ${gid}; or rollback prepared ${gid};`,
    ),
  ]
}
