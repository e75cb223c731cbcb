import type { Arena } from './arena.js'

interface Row {
  readonly key: string
  readonly changed_at: string
  readonly content: string
}

/**
 * The usual strategy: what is stamped after the latest stamp that was seen, row by row, the newer one wins. Stamps keep their
 * microseconds, and the watermark never passes through a Date: it is to lose by its idea, not by its craft.
 */
export async function runNaive({ source, target, subject }: Arena): Promise<void> {
  const { relation, key, changedAt, columns } = subject
  const { rows: seen } = await target.query<{ watermark: string }>(
    `select coalesce(max(changed_at), '-infinity')::text as watermark from soak_naive`,
  )
  const { rows } = await source.query<Row>(
    `select
       ${key}::text as key,
       ${changedAt}::timestamptz::text as changed_at,
       md5(row(${columns.join(', ')})::text) as content
     from ${relation}
     where ${changedAt} > $1::timestamptz`,
    [seen[0]?.watermark],
  )
  const client = await target.connect()
  try {
    await client.query('begin')
    for (const { key: id, changed_at, content } of rows) {
      await client.query(
        `insert into soak_naive (key, changed_at, content)
         values ($1::text, $2::timestamptz, $3::text)
         on conflict (key) do update
         set changed_at = excluded.changed_at, content = excluded.content
         where excluded.changed_at > soak_naive.changed_at`,
        [id, changed_at, content],
      )
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}
