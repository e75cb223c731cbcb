import type { CompiledQuery } from 'kysely'

/**
 * The statement with its parameters written into it, for COPY and for several statements in one round trip, neither of which can have
 * any. Quoted names and texts of the statement itself are passed over, as they may hold what looks like a parameter.
 */
export function inline({ sql, parameters }: CompiledQuery, escapeLiteral: (text: string) => string): string {
  return sql.replaceAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)/g, (part, place?: string) => {
    if (place === undefined) return part
    const value = parameters[Number(place) - 1]
    return value === null || value === undefined ? 'null' : ` ${escapeLiteral(String(value))}`
  })
}
