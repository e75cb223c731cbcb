import { expect, it } from 'vitest'

import { openItems } from '../fixtures/relation-fixture.js'

it('batches of a full load do not wait for the disk, the end of the run and an incremental run do', async () => {
  await using at = await openItems('id integer primary key, title text')
  await at.target.query(`
    alter database ${at.target.name} set synchronous_commit = on;
    alter table items add column waits text default current_setting('synchronous_commit');
    alter table etl_control add column waits text;
    create function note_wait() returns trigger language plpgsql as $$
    begin
      new.waits := current_setting('synchronous_commit');
      return new;
    end $$;
    create trigger note_wait before update on etl_control for each row execute function note_wait()`)
  await at.source.query(`insert into items select i, 'title ' || i from generate_series(1, 30) i`)

  await at.run({ batchSize: 10 })
  await at.source.query(`insert into items values (31, 'new')`)
  await at.run()

  expect(await at.stored('waits', 'id <= 30')).toEqual(Array.from({ length: 30 }, () => 'off'))
  expect(await at.stored('waits', 'id = 31')).toEqual(['on'])
  const runs = await at.target.query('select waits from etl_control order by started_at')
  expect(runs).toEqual([{ waits: 'on' }, { waits: 'on' }])
})

it('large values are compressed by lz4 where the server has it, unless somebody has chosen a method', async () => {
  await using at = await openItems('id integer primary key, title text, other text')
  const [server] = await at.target.query(`
    select 'lz4' = any (enumvals) as has_lz4
    from pg_settings
    where name = 'default_toast_compression'`)
  if (server?.['has_lz4'] !== true) return
  await at.target.query('alter table items alter column other set compression pglz')
  await at.source.query(`insert into items select 1, repeat('a title ', 1000), repeat('another ', 1000)`)
  const methods = 'pg_column_compression(title), pg_column_compression(other)'

  await at.run()
  const byDefault = await at.stored(methods)
  await at.target.query(`
    truncate items;
    alter database ${at.target.name} set default_toast_compression = 'pglz'`)
  await at.run({ loadType: 'full' })

  expect(byDefault).toEqual(['lz4 pglz'])
  expect(await at.stored(methods)).toEqual(['pglz pglz'])
})
