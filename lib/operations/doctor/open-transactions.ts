import { countText, durationText } from '../../domain/quantity-text.js'
import type { Session } from '../../postgres/driver/session.js'
import { readOpenTransactions, type OpenTransactions } from '../../postgres/source/open-transactions.js'
import { warning, type Check } from './check.js'

const name = 'source-transactions'

/** Ids that a server hands out meanwhile; for where the begin of a transaction cannot be seen. */
const manyIds = 100_000

/**
 * Whether transactions of the source have been open for so long that each run reads again what changed meanwhile. On a primary those of
 * other databases do not matter; a standby does not show to which database one belongs.
 */
export async function checkOpenTransactions(source: Session, skewAllowance: number): Promise<Check[]> {
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
  return [
    warning(
      name,
      `A transaction ${where} has been open ${since}; until it ends, each run reads again what changed since it began.`,
      `Find it ${server}: select pid, datname, application_name, xact_start from pg_stat_activity where xact_start is not null order by xact_start; if nobody needs it, end it with pg_terminate_backend(pid).`,
    ),
  ]
}

function preparedFor({ prepared, preparedSeconds }: OpenTransactions, limit: number): Check[] {
  if (prepared === null || Number(preparedSeconds) <= limit) return []
  const age = durationText(Number(preparedSeconds))
  return [
    warning(
      name,
      `A transaction was prepared in the source ${age} ago and neither committed nor rolled back; until then, each run reads again what changed since it began.`,
      `Have whoever prepared it end it: commit prepared or rollback prepared '${prepared.replaceAll("'", "''")}';`,
    ),
  ]
}
