import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { exportConversations, type ExportOptions } from '../../lib/index.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase } from '../setup/database.js'

async function openExport() {
  const at = await openSync()
  await at.sync()
  const folder = await mkdtemp(join(tmpdir(), 'export-test-'))
  return {
    ...at,
    folder,
    exported: (name: string, options: Partial<ExportOptions> = {}) =>
      exportConversations({ target: at.target.url, to: join(folder, name), ...options }),
    lines: async (name: string) => (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n'),
  }
}

describe('an export', () => {
  it('has a row for each conversation that is not deleted, and the columns that are not left out', async () => {
    await using at = await openExport()
    await at.target.query(`update conversas_analytics set deleted_at = now() where conversation_id % 10 = 1`)
    const select = `select conversation_id, labels, is_open, conversation_created_at, contact_name, csat_feedback
      from conversas_analytics where deleted_at is null order by conversation_id`
    const without = (
      await at.target.query<{ name: string }>(`
        select attname as name from pg_attribute
        where attrelid = 'conversas_analytics'::regclass and attnum > 0 and not attisdropped
          and attname not in ('conversation_id', 'is_open', 'conversation_created_at', 'contact_id')`)
    ).map(({ name }) => name)
    const report = await at.exported('a.csv', { without })
    const rows = await at.target.query(
      `select conversation_id::text, contact_id::text, is_open::text, conversation_created_at::text from (${select.replace('contact_name', 'contact_id')}) x`,
    )
    const [head, ...lines] = await at.lines('a.csv')
    expect(head).toBe('conversation_id,contact_id,conversation_created_at,is_open')
    expect(lines).toEqual(
      rows.map((row) =>
        ['conversation_id', 'contact_id', 'conversation_created_at', 'is_open'].map((name) => row[name] ?? '').join(','),
      ),
    )
    expect(report).toMatchObject({ rows: rows.length, columns: 4, format: 'csv', includeDeleted: false })
    expect(report.bytes).toBe((await stat(report.file)).size)
    const all = await at.exported('b.csv', { includeDeleted: true, without })
    expect(all.rows).toBeGreaterThan(report.rows)
  })

  it('holds as Parquet what the table holds', async () => {
    await using at = await openExport()
    const seen: number[] = []
    const report = await at.exported('a.parquet', { onProgress: ({ rowsExported }) => void seen.push(rowsExported) })
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
      await expect(at.exported(name, { without: ['nothing'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
      await expect(at.exported(name, { table: 'nothing' })).rejects.toMatchObject({ code: 'TARGET_NOT_MIGRATED' })
      expect(await readFile(join(at.folder, name), 'utf8')).toBe('old')
    }
    expect((await readdir(at.folder)).sort()).toEqual(['a.csv', 'a.parquet'])
  })
})

it('says what an export cannot do', async () => {
  await using target = await cloneDatabase('target')
  const folder = await mkdtemp(join(tmpdir(), 'export-test-'))
  const failed = (options: Partial<ExportOptions>) =>
    exportConversations({ target: target.url, to: join(folder, 'a.csv'), ...options }).then(String, (error: unknown) => {
      const { code, message } = error as { code: string; message: string }
      return `${code} ${message}`
    })
  expect(await failed({ to: join(folder, 'a.xlsx') })).toContain('CONFIG_INVALID The format of the export')
  expect(await failed({ to: '' })).toContain('CONFIG_MISSING The option to')
  expect(await failed({ to: folder, format: 'csv' })).toContain('is a folder')
  expect(await failed({ to: join(folder, 'none', 'a.csv') })).toContain('STORAGE_FAILED')
  expect(await failed({ schema: 'pg_x' })).toContain('CONFIG_INVALID')
  expect(await failed({ without: ['contact_names'] })).toContain('no column contact_names')
})
