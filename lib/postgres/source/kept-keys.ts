import { sql, type RawBuilder } from 'kysely'

/** The keys of a json object that may leave the source; in a list those of each object in it. */
export interface KeptKeys {
  readonly keepKeys: readonly string[]
}

/**
 * The cell as json with these keys alone. What a list holds beside objects is null there, and what is neither an object nor a list is NULL. Read
 * as json rather than jsonb, so that values are passed on as they are.
 */
export function withKeys(cell: RawBuilder<unknown>, { keepKeys }: KeptKeys): RawBuilder<unknown> {
  const keys = sql`array[${sql.join(keepKeys.map((key) => sql.lit(key)))}]::text[]`
  const reduced = (object: RawBuilder<unknown>) => sql`(
    select coalesce(json_object_agg(member.key, member.value), '{}')
    from json_each(${object}) member
    where member.key = any(${keys})
  )`
  const json = sql`(${cell})::json`
  return sql`
    case json_typeof(${json})
      when 'object' then ${reduced(json)}
      when 'array' then (
        select coalesce(
          json_agg(case json_typeof(entry.value) when 'object' then ${reduced(sql`entry.value`)} end order by entry.place),
          '[]'
        )
        from json_array_elements(${json}) with ordinality entry (value, place)
      )
    end`
}
