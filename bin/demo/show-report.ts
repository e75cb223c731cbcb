import pg from 'pg'

import { countText, pageDuration } from '../../lib/domain/quantity-text.js'
import { readReport } from '../../lib/index.js'

/** Prints what Chatwoot's own report page would show of the largest account and the last 30 days. */
export async function showReport(target: string, print: (text: string) => void): Promise<void> {
  const account = await largestAccount(target)
  if (account === undefined) return
  const now = Date.now()
  const at = (time: number) => new Date(time).toISOString()
  const { cards } = await readReport({ target, account, since: at(now - 30 * 86_400_000), until: at(now) })
  print(`\nAs on Chatwoot's report page, account ${account}, the last 30 days:`)
  print(`  conversations: ${countText(cards.conversationsCount)}`)
  print(`  resolutions: ${countText(cards.resolutionsCount ?? 0)}`)
  print(`  first response after ${pageDuration(cards.avgFirstResponseTime)} on average`)
  print(`  resolution after ${pageDuration(cards.avgResolutionTime)} on average`)
}

async function largestAccount(target: string): Promise<number | undefined> {
  const client = new pg.Client(target)
  await client.connect()
  try {
    const { rows } = await client.query<{ id: number }>(`
      select account_id as id
      from conversas_analytics
      group by account_id
      order by count(*) desc, account_id
      limit 1`)
    return rows[0]?.id
  } finally {
    await client.end()
  }
}
