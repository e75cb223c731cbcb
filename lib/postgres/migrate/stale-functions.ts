import type pg from 'pg'

/** A table of ours that a function names, with the schema that it had when the function was made. */
const named = /\b(from|join|into|update) ("(?:[^"]|"")+"|[a-z_][\w$]*)\.((?:etl|vw|chatwoot|conversas)_\w+)/g

/**
 * Makes our functions in a schema name the tables there, after it was renamed or its tables were moved: a function keeps the text of the name
 * that its tables had, unlike a view. One that names tables which exist is left alone.
 */
export async function renewFunctions(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ own: string; definition: string }>(
    `select pg_catalog.quote_ident(n.nspname) as own, pg_catalog.pg_get_functiondef(p.oid) as definition
     from pg_catalog.pg_proc p
     join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where n.nspname = $1::text and p.prokind = 'f' and 'search_path=pg_catalog, pg_temp' = any(p.proconfig)`,
    [schema],
  )
  const texts = [...new Set(rows.flatMap(({ definition }) => namesIn(definition)))]
  const missing = await missingOf(client, texts)
  for (const { own, definition } of rows) {
    const renewed = definition.replaceAll(named, (all, word: string, place: string, table: string) =>
      missing.has(`${place}.${table}`) ? `${word} ${own}.${table}` : all,
    )
    if (renewed !== definition) await client.query(renewed)
  }
}

const namesIn = (definition: string) =>
  [...definition.matchAll(named)].map(([, , place, table]) => `${place ?? ''}.${table ?? ''}`)

/** The names that lead to no table or view. A function that is called in a from clause is none of them while it exists. */
async function missingOf(client: pg.Client, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set()
  const { rows } = await client.query<{ name: string }>(
    `select wanted.name
     from pg_catalog.unnest($1::text[]) wanted (name)
     where pg_catalog.to_regclass(wanted.name) is null and pg_catalog.to_regproc(wanted.name) is null`,
    [names],
  )
  return new Set(rows.map(({ name }) => name))
}
