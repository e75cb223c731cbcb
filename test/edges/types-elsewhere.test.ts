import { expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { openEmptySync } from '../fixtures/sync-fixture.js'

const pipeline = { table: 'kept', relation: { name: 'items', key: 'id', changedAt: 'updated_at' } }

it('reads types of schemas that are not on the path, and makes NaN in a domain NULL', async () => {
  await using at = await openEmptySync()
  await at.source.query(`
    create schema app;
    create schema ext;
    create extension citext schema ext;
    create type app.kind as enum ('due', 'done');
    create domain app.email as text check (value ~ '@');
    create domain app.amount as numeric(10,2);
    create table app.items (
      id integer primary key, c ext.citext, k app.kind, e app.email, n app.amount, updated_at timestamptz
    );
    insert into app.items values
      (1, '', 'due', 'x@y', 'NaN', '2026-01-01'),
      (2, 'Ab', 'done', null, '1.10', '2026-01-01');
    alter database ${at.source.name} set search_path = app`)
  await at.target.query(`
    create schema kept_here;
    create table kept_here.kept (id integer primary key, c text, k text, e text, n numeric, updated_at timestamptz)`)
  await expect(at.sync(pipeline)).rejects.toMatchObject({ code: 'TARGET_NOT_MIGRATED' })
  await at.target.query(`alter database ${at.target.name} set search_path = kept_here, public`)

  expect(await at.sync(pipeline)).toMatchObject({ rowsInserted: 2, rowsRejected: 0, warnings: [] })

  const stored = () => at.target.query('select id, c, k, e, n from kept_here.kept order by id')
  expect(await stored()).toEqual([
    { id: 1, c: '', k: 'due', e: 'x@y', n: null },
    { id: 2, c: 'Ab', k: 'done', e: null, n: '1.10' },
  ])
  await at.source.query(`update app.items set c = 'aB', n = n + 1, updated_at = now()`)
  expect(await at.sync(pipeline)).toMatchObject({ loadType: 'incremental', rowsUpdated: 2 })
  expect(await stored()).toMatchObject([
    { c: 'aB', n: null },
    { c: 'aB', n: '2.10' },
  ])
  await at.source.query(`update app.items set updated_at = '2026-01-01'`)
  await at.target.query(`update kept_here.kept set updated_at = '2026-01-01'`)
  const both = { source: at.source.url, target: at.target.url, ...pipeline }
  const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsPending: 0 }
  expect(await verifyConversations(both)).toMatchObject({ ...equal, rowsCompared: 2 })
})
