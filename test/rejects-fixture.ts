import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

import type { SyncReport } from '../lib/domain/report.js'
import type { SyncOptions } from '../lib/options.js'
import { openEmptySync, type SyncFixture } from './sync-fixture.js'

export const relation = { name: 'notes', key: 'id', changedAt: 'changed_at' }

/** `notes` on both sides; the one of the target has checks, a limit of length, and a unique index of its own. */
export interface RejectsFixture extends SyncFixture {
  run(options?: Partial<SyncOptions>): Promise<SyncReport>
  /** Ids and bodies in the target. */
  stored(): Promise<string[]>
  /** What stands in `etl_rejects`, in order of the key. */
  rejects(): Promise<{ row_key: string; sql_state: string; column_name: string | null; attempts: number }[]>
}

/** Notes 1 to `count`, each with a body that fits. */
export async function openNotes(count: number): Promise<RejectsFixture> {
  const at = await openEmptySync()
  await at.source.query(`
    create table notes (id bigint primary key, changed_at timestamp not null, body text, amount numeric, code integer);
    insert into notes select n, '2026-01-01', 'note ' || n, n, n from generate_series(1, ${count}) n`)
  await at.target.query(`
    create table notes (
      id bigint primary key,
      changed_at timestamp,
      body character varying(20),
      amount numeric constraint amount_is_positive check (amount > 0),
      code integer not null,
      deleted_at timestamptz
    )`)
  return {
    ...at,
    run: (options) => at.sync({ relation, table: 'notes', ...options }),
    stored: async () =>
      (
        await at.target.query<{ row: string }>(
          `select id || ' ' || body as row from notes where deleted_at is null order by id`,
        )
      ).map(({ row }) => row),
    rejects: () =>
      at.target.query(
        'select row_key, sql_state, column_name, attempts from etl_rejects order by row_key::bigint',
      ),
  }
}

/** Changes notes as the application would, with a stamp of now. */
export async function change({ source }: SyncFixture, assignment: string, condition: string): Promise<void> {
  await source.query(
    `update notes set ${assignment}, changed_at = clock_timestamp() at time zone 'UTC' where ${condition}`,
  )
}

/** Makes notes too long for the target, without a stamp that shows it. */
export async function spoil({ source }: SyncFixture, condition: string): Promise<void> {
  await source.query(`update notes set body = repeat('x', 21) where ${condition}`)
}

/** Runs the work with the target behind a Kysely of the caller's. */
export async function withKysely<T>(url: string, work: (db: Kysely<never>) => Promise<T>): Promise<T> {
  const db = new Kysely<never>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
  })
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}
