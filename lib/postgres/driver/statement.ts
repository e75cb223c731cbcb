import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type RawBuilder,
} from 'kysely'

import type { DB } from '../../../db/schema/target.js'

/** Builds statements over the tables of the target, typed; it never runs any, sessions do. */
export const target = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/** The text and the parameters of a template. */
export function compile(statement: RawBuilder<unknown>): CompiledQuery {
  return statement.compile(target)
}
