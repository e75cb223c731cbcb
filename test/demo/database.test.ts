import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { cloneDatabase, sourceServer } from '../setup/database.js'

it('gives each test a database of its own', async () => {
  await using one = await cloneDatabase('source')
  await using other = await cloneDatabase('source')
  await one.query('create table mine (id integer)')
  expect(await other.query(`select to_regclass('mine')::text as mine`)).toEqual([{ mine: null }])
})

it('drops the database although a client is still connected', async () => {
  const database = await cloneDatabase('target')
  const leaked = await database.pool.connect()
  const other = new pg.Client(database.url)
  await other.connect()
  other.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => other.once('end', resolve))

  await database[Symbol.asyncDispose]()

  await closed
  await expect(leaked.query('select')).rejects.toThrow()
  await using server = await cloneDatabase('target', 'template1')
  expect(await server.query('select from pg_database where datname = $1::text', [database.name])).toEqual([])
})

it('waits until nobody is connected to the template', async () => {
  await using template = await cloneDatabase('source')
  await using observer = await cloneDatabase('source')
  const visitor = new pg.Client(template.url)
  await visitor.connect()

  const cloning = cloneDatabase('source', template.name)
  await vi.waitFor(async () => {
    const waiting = `select from pg_stat_activity where state = 'active' and query like 'create database%' || $1::text || '%'`
    expect(await observer.query(waiting, [template.name])).toHaveLength(1)
  }, 120_000)
  await visitor.end()

  await using clone = await cloning
  expect(clone.name).not.toBe(template.name)
})

it('lets nobody into the templates', async () => {
  const url = new URL(sourceServer())
  url.pathname = '/chatwoot_template'
  await expect(new pg.Client(url.href).connect()).rejects.toThrow('not currently accepting connections')
})

it('returns times with their microseconds', async () => {
  await using database = await cloneDatabase('target')
  expect(await database.query(`select '2026-01-02 03:04:05.678901+00'::timestamptz as at`)).toEqual([
    { at: '2026-01-02 03:04:05.678901+00' },
  ])
})
