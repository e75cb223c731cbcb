import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { openPair, openShell } from '../fixtures/cli-fixture.js'
import { readTexts } from '../fixtures/sync-fixture.js'

const relation = { name: 'my_view', key: 'id', changedAt: 'updated_at' }

it('makes a migration with which the next run loads the new columns of the source, and takes it back', async () => {
  await using pair = await openPair(10)
  await using shell = await openShell()
  const folder = await mkdtemp(join(tmpdir(), 'migration-'))
  try {
    await pair.source.query(`
      create view my_view as
      select id, updated_at, 'x'::varchar(3) as "Select; ""drop", 1.50::numeric(5,2) as price, array['a']::varchar[] as tags, uuid, 1 as "line\nbreak"
      from conversations`)
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
    await pair.target.query('create table mine (id integer primary key, updated_at timestamp(6))')
    const flags = ['--relation', 'my_view', '--key', 'id', '--changed-at', 'updated_at', '--table', 'mine']

    const made = await shell.run(['doctor', ...flags, '--write-migration', folder], pair.variables)

    expect(made.stdout).toMatch(/Wrote .*_add_source_columns\.sql\n$/)
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^\d{14}_add_source_columns\.sql$/)])
    const { checks } = await diagnose({
      source: pair.readerUrl,
      target: pair.target.url,
      relation,
      table: 'mine',
    })
    const migration = checks.find((check) => check.migration !== undefined)?.migration ?? ''
    const [, up = '', down = ''] = /-- migrate:up\n([^]*)-- migrate:down\n([^]*)/.exec(migration) ?? []
    await pair.target.query(up)
    const types = `select attname, format_type(atttypid, atttypmod) from pg_attribute
      where attrelid = 'mine'::regclass and attnum > 2 and not attisdropped order by attnum`
    expect(await readTexts(pair.target, types)).toEqual([
      ['Select; "drop', 'text'],
      ['price', 'numeric'],
      ['tags', 'text[]'],
      ['uuid', 'uuid'],
      ['line\nbreak', 'integer'],
    ])
    await pair.target.query(down)
    expect(await readTexts(pair.target, types)).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
