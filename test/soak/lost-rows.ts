import type { Arena } from './arena.js'

/**
 * What a loss was: the stamp of each row, and between which times the runs read. A stamp that lies before the reading of the run in which it
 * should have come, by more than the clock skew allowed, was late by more than anybody promised: the machine let a transaction wait
 * between its start and the moment from which others see it.
 */
export async function describeLost({ source, target, subject }: Arena, keys: readonly string[]) {
  if (keys.length === 0) return []
  const { key, changedAt, relation } = subject
  const rows = await source.query<{ text: string }>(
    `
    select 'lost ' || ${key} || ', stamp ' || ${changedAt}::text as text
    from ${relation}
    where ${key}::text = any($1::text[])`,
    [keys],
  )
  const runs = await target.query<{ text: string }>(`
    select 'run ' || load_type || ' of ' || started_at::text
      || ', from ' || coalesce(watermark_start::text, '?') || ' through ' || coalesce(watermark_end::text, '?')
      || ', ' || coalesce(rows_extracted, 0) || ' rows' as text
    from etl_control
    order by started_at desc
    limit 15`)
  return [...rows.rows, ...runs.rows].map(({ text }) => `  ${text}`)
}
