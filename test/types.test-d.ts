import type { Kysely } from 'kysely'
import type pg from 'pg'
import { expectTypeOf, it } from 'vitest'

import {
  defaults,
  migrate,
  syncConversations,
  type SyncError,
  type ConversationRow,
  type CustomRelation,
  type DatabaseHandle,
  type DB,
  type ErrorCode,
  type LoadType,
  type MigrateResult,
  type Progress,
  type SyncOptions,
  type SyncReport,
  type TriggeredBy,
  type Warning,
} from 'chatwoot-sync'

const minimal = { source: 'postgres://a', target: 'postgres://b' }

it('takes two handles and gives a report', () => {
  expectTypeOf(syncConversations).parameters.toEqualTypeOf<[SyncOptions]>()
  expectTypeOf(syncConversations).returns.resolves.toEqualTypeOf<SyncReport>()
  expectTypeOf(minimal).toExtend<SyncOptions>()
  expectTypeOf<{ source: string }>().not.toExtend<SyncOptions>()
})

it('takes every kind of handle, whatever the tables of a Kysely are', () => {
  expectTypeOf<string>().toExtend<DatabaseHandle>()
  expectTypeOf<pg.PoolConfig>().toExtend<DatabaseHandle>()
  expectTypeOf<pg.Pool>().toExtend<DatabaseHandle>()
  expectTypeOf<Kysely<{ mine: { id: number } }>>().toExtend<DatabaseHandle>()
  expectTypeOf<number>().not.toExtend<DatabaseHandle>()
})

it('knows every option, also as undefined', () => {
  expectTypeOf<SyncOptions['loadType']>().toEqualTypeOf<LoadType | undefined>()
  expectTypeOf<SyncOptions['triggeredBy']>().toEqualTypeOf<TriggeredBy | undefined>()
  expectTypeOf<SyncOptions['relation']>().toEqualTypeOf<CustomRelation | undefined>()
  expectTypeOf<SyncOptions['accounts']>().toEqualTypeOf<readonly number[] | undefined>()
  expectTypeOf<SyncOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>()
  expectTypeOf<SyncOptions['onProgress']>().toEqualTypeOf<((progress: Progress) => void) | undefined>()
  expectTypeOf<Progress['phase']>().toEqualTypeOf<'probe' | 'feeds' | 'load' | 'deletes'>()
  // @ts-expect-error an option that does not exist
  void syncConversations({ ...minimal, batchsize: 5 })
  // @ts-expect-error a load type that does not exist
  void syncConversations({ ...minimal, loadType: 'partial' })
})

it('types rows for transform, with texts where a number or a Date would lose digits', () => {
  type Transform = NonNullable<SyncOptions['transform']>
  expectTypeOf<Transform>().toEqualTypeOf<(row: ConversationRow) => ConversationRow | null>()
  expectTypeOf<ConversationRow['conversation_id']>().toEqualTypeOf<number>()
  expectTypeOf<ConversationRow['conversation_updated_at']>().toEqualTypeOf<string | null>()
  expectTypeOf<ConversationRow['conversation_date']>().toEqualTypeOf<string | null>()
  expectTypeOf<ConversationRow['resolution_time_seconds']>().toEqualTypeOf<string | null>()
  expectTypeOf<ConversationRow['user_message_ratio']>().toEqualTypeOf<string | null>()
  expectTypeOf<ConversationRow['labels']>().toEqualTypeOf<string[] | null>()
  expectTypeOf<ConversationRow['is_resolved']>().toEqualTypeOf<boolean | null>()
  expectTypeOf<ConversationRow>().not.toHaveProperty('deleted_at')
  expectTypeOf<ConversationRow>().not.toHaveProperty('etl_updated_at')
  void syncConversations({ ...minimal, transform: (row) => (row.status === 1 ? row : null) })
  // @ts-expect-error a row lacks its key
  void syncConversations({ ...minimal, transform: () => ({ status: 1 }) })
})

it('gives counts as numbers and times as texts', () => {
  expectTypeOf<SyncReport['rowsExtracted']>().toEqualTypeOf<number>()
  expectTypeOf<SyncReport['startedAt']>().toEqualTypeOf<string>()
  expectTypeOf<SyncReport['watermarkEnd']>().toEqualTypeOf<string | null>()
  expectTypeOf<SyncReport['warnings']>().toEqualTypeOf<readonly Warning[]>()
  expectTypeOf<SyncReport['status']>().toEqualTypeOf<'running' | 'success' | 'failed'>()
})

it('types migrating, errors and defaults', () => {
  expectTypeOf(migrate).returns.resolves.toEqualTypeOf<MigrateResult>()
  expectTypeOf<MigrateResult['applied']>().toEqualTypeOf<readonly string[]>()
  expectTypeOf<SyncError>().toExtend<Error>()
  expectTypeOf<SyncError['code']>().toEqualTypeOf<ErrorCode>()
  expectTypeOf<'LOCKED' | 'KEY_NOT_UNIQUE'>().toExtend<ErrorCode>()
  expectTypeOf<'NO_SUCH_CODE'>().not.toExtend<ErrorCode>()
  expectTypeOf(defaults).toExtend<Partial<SyncOptions>>()
  expectTypeOf(defaults.batchSize).toEqualTypeOf<5000>()
})

it('types the tables of the target for a service that reads them', () => {
  expectTypeOf<keyof DB>().toExtend<string>()
  expectTypeOf<'conversas_analytics' | 'vw_conversas_analytics' | 'etl_control' | 'vw_etl_stats'>().toExtend<
    keyof DB
  >()
})
