import type pg from 'pg'

/** A table of ours that a function names, or another function that it calls, with the schema that it had when the function was made. */
const named =
  /\b(from |join |into |update )("(?:[^"]|"")+"|[a-z_][\w$]*)\.((?:etl|vw|chatwoot|conversas)_\w+)|(?<![\w$".])("(?:[^"]|"")+"|[a-z_][\w$]*)\.(etl_\w+)(?=\()/g

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
    const renewed = definition.replaceAll(named, (all, ...groups: (string | undefined)[]) => {
      const [word = '', name] = nameOf(groups)
      return missing.has(`${name.place}.${name.object}`) ? `${word}${own}.${name.object}` : all
    })
    if (renewed !== definition) await client.query(renewed)
  }
}

const namesIn = (definition: string) =>
  [...definition.matchAll(named)].map(([, ...groups]) => {
    const [, { place, object }] = nameOf(groups)
    return `${place}.${object}`
  })

/** What stands before the name, which belongs to a table or to a function. */
function nameOf([word, place, table, placeOfCall, call]: readonly (string | undefined)[]) {
  return [word, { place: place ?? placeOfCall ?? '', object: table ?? call ?? '' }] as const
}

/** The names that lead to no table, view or function. */
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
