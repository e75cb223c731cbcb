import { createReadStream } from 'node:fs'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { from } from 'pg-copy-streams'
import { describe, expect, it } from 'vitest'

import { exportConversations, type ExportOptions } from '../../lib/index.js'
import { openTemporary } from '../fixtures/lake/temporary.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase } from '../setup/database.js'

async function openExport() {
  const at = await openSync()
  await at.sync()
  const temporary = await openTemporary()
  const folder = temporary.path
  return {
    ...at,
    folder,
    [Symbol.asyncDispose]: async () => {
      await temporary[Symbol.asyncDispose]()
      await at[Symbol.asyncDispose]()
    },
    exported: (name: string, options: Partial<ExportOptions> = {}) =>
      exportConversations({ target: at.target.url, to: join(folder, name), ...options }),
  }
}

describe('an export', () => {
  it('has as CSV every value of each row that is not deleted, in the order of the key', async () => {
    await using at = await openExport()
    await at.target.query('update conversas_analytics set deleted_at = now() where conversation_id % 10 = 1')
    const report = await at.exported('a.csv')
    expect(report).toMatchObject({ format: 'csv', includeDeleted: false, rowsOutOfRange: 0 })
    expect(report.bytes).toBe((await stat(report.file)).size)
    await at.target.query('create table copied (position serial, like conversas_analytics)')
    const client = await at.target.pool.connect()
    const [head = ''] = (await readFile(report.file, 'utf8')).split('\n')
    await pipeline(
      createReadStream(report.file),
      client.query(from(`copy copied (${head}) from stdin (format csv, header)`)),
    )
    client.release()
    const text = head.split(',').map((name) => `${name}::text`)
    const [found] = await at.target.query(`
      select
        (select count(*)::integer from copied) as rows,
        (select count(*)::integer from copied c join copied d on d.position = c.position + 1 and d.conversation_id <= c.conversation_id) as disordered,
        (select count(*)::integer from (
          select ${text.join(', ')} from conversas_analytics where deleted_at is null
          except select ${text.join(', ')} from copied) missing) as missing`)
    expect(found).toEqual({ rows: report.rows, disordered: 0, missing: 0 })
    const all = await at.exported('b.csv', { includeDeleted: true, without: ['contact_name', 'labels'] })
    expect(all).toMatchObject({ columns: report.columns - 2 })
    expect(all.rows).toBeGreaterThan(report.rows)
  })

  it('holds as Parquet what the table holds', async () => {
    await using at = await openExport()
    const seen: number[] = []
    const report = await at.exported('a.parquet', {
      onProgress: ({ rowsExported }) => void seen.push(rowsExported),
    })
    const [{ rows } = {}] = await at.target.query(
      'select count(*)::integer as rows from conversas_analytics where deleted_at is null',
    )
    expect(report).toMatchObject({ rows, rowsOutOfRange: 0 })
    expect(seen.at(-1)).toBe(rows)
  })

  it('takes the place of the file that was there, which only its owner can read', async () => {
    await using at = await openExport()
    for (const name of ['a.csv', 'a.parquet']) {
      await writeFile(join(at.folder, name), 'old')
      await chmod(join(at.folder, name), 0o644)
      await at.exported(name)
      const { mode, size } = await stat(join(at.folder, name))
      expect(mode & 0o777).toBe(0o600)
      expect(size).toBeGreaterThan(100)
    }
    expect((await readdir(at.folder)).sort()).toEqual(['a.csv', 'a.parquet'])
  })

  it('leaves the file as it was when it is stopped or fails', async () => {
    await using at = await openExport()
    for (const name of ['a.csv', 'a.parquet']) {
      await writeFile(join(at.folder, name), 'old')
      const stop = new AbortController()
      const stopped = at.exported(name, { signal: stop.signal, onProgress: () => stop.abort() })
      await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
      await expect(at.exported(name, { without: ['nothing'] })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      })
      await expect(at.exported(name, { table: 'nothing' })).rejects.toMatchObject({
        code: 'TARGET_NOT_MIGRATED',
      })
      expect(await readFile(join(at.folder, name), 'utf8')).toBe('old')
    }
    expect((await readdir(at.folder)).sort()).toEqual(['a.csv', 'a.parquet'])
  })
})

it('says what an export cannot do', async () => {
  await using target = await cloneDatabase('target')
  await using temporary = await openTemporary()
  const folder = temporary.path
  const failed = (options: Partial<ExportOptions>) =>
    exportConversations({ target: target.url, to: join(folder, 'a.csv'), ...options }).then(
      String,
      (error: unknown) => {
        const { code, message } = error as { code: string; message: string }
        return `${code} ${message}`
      },
    )
  expect(await failed({ to: join(folder, 'a.xlsx') })).toContain('CONFIG_INVALID The format of the export')
  expect(await failed({ to: '' })).toContain('CONFIG_MISSING The option to')
  expect(await failed({ to: folder, format: 'csv' })).toContain('is a folder')
  expect(await failed({ to: join(folder, 'none', 'a.csv') })).toContain('STORAGE_FAILED')
  expect(await failed({ schema: 'pg_x' })).toContain('CONFIG_INVALID')
  expect(await failed({ without: ['contact_names'] })).toContain('no column contact_names')
})
