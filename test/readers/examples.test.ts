import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { openPlace } from '../fixtures/lake-fixture.js'
import { openPair } from '../fixtures/cli-fixture.js'
import { installed } from '../fixtures/lake/readers.js'
import { replicateToLake, syncConversations } from '../../lib/index.js'

let pair: Awaited<ReturnType<typeof openPair>>
let place: Awaited<ReturnType<typeof openPlace>>
beforeAll(async () => {
  ;[pair, place] = await Promise.all([openPair(300), openPlace()])
  await syncConversations({ source: pair.source.url, target: pair.target.url })
  await replicateToLake({ target: pair.target.url, to: place.at('lake') })
})
afterAll(() => Promise.all([pair[Symbol.asyncDispose](), place[Symbol.asyncDispose]()]))

/** What each example has to print, as PostgreSQL finds it: texts that stand in one line. */
const wanted: Readonly<Record<string, string>> = {
  'duckdb.sql': `
    select json_build_array(to_char(conversation_created_at, 'YYYY-MM'), status, count(*))::text as words
    from conversas_analytics
    where deleted_at is null and conversation_created_at >= '2026-01-01'
    group by to_char(conversation_created_at, 'YYYY-MM'), status`,
  'clickhouse.sql': `
    select json_build_array(inbox_name, count(*))::text as words
    from conversas_analytics
    where deleted_at is null
    group by inbox_name
    order by avg(first_response_time_seconds) desc nulls last
    limit 3`,
  'read-with-polars.py': `
    select json_build_array(coalesce(assignee_name, 'null'), count(*))::text as words
    from conversas_analytics
    where deleted_at is null and is_resolved
    group by assignee_name
    order by count(*) desc
    limit 3`,
  'spark.py': `
    select json_build_array(label, count(*))::text as words
    from conversas_analytics cross join unnest(labels) label
    where deleted_at is null
    group by label
    order by count(*) desc
    limit 3`,
}

it.each(Object.entries(wanted))('the example %s shows what PostgreSQL holds', async (name, query) => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const script = [`${root}test/readers/example.py`, `${root}examples/lake/${name}`, place.at('lake')]
  const { stdout } = await promisify(execFile)(installed('python'), script)
  const lines = stdout.split('\n')
  const rows = await pair.target.query<{ words: string }>(query)
  expect(rows.length).toBeGreaterThan(0)
  for (const { words } of rows) {
    const texts: unknown[] = JSON.parse(words)
    const isThere = (line: string) => texts.every((text) => line.includes(String(text)))
    expect(lines.filter(isThere), `${words} in ${stdout}`).not.toEqual([])
  }
})
