import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { migrate } from '../../lib/index.js'
import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'
import { makePythonTarget } from '../fixtures/python-target.js'
import { openWriter } from '../fixtures/target-writer.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

let pair: Practice
let target: TestDatabase
beforeEach(async () => {
  pair = await openPractice()
  target = await cloneDatabase('target', 'template0')
  await makePythonTarget(target, '2026-01-01')
})
afterEach(async () => {
  await pair[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

describe('before migrate, on a target of the Python pipeline, the doctor', () => {
  it('finds nothing but that it has to be migrated, and nothing at all afterwards', async () => {
    const { found, about } = await pair.examine({ target: target.url })
    expect(found).toMatchObject([
      {
        name: 'target-migrated',
        outcome: 'critical',
        message: 'The tables are those of the Python pipeline.',
        remedy: expect.stringMatching(/^Run chatwoot-sync migrate, which keeps their rows/),
      },
    ])
    expect(about('clocks')).toMatchObject([{ outcome: 'ok' }])
    await migrate({ target: target.url })
    expect((await pair.examine({ target: target.url })).found).toEqual([])
  })

  it('does not compare a relation of your own with columns that migrate will change', async () => {
    await pair.source.query(`
      create view finals as select id as conversation_id, updated_at from conversations;
      grant select on finals to ${pair.reader.user}`)
    const relation = { name: 'finals', key: 'conversation_id', changedAt: 'updated_at' }
    const { found } = await pair.examine({ target: target.url, relation })
    expect(found.map(({ name }) => name)).toEqual(['target-migrated'])
  })

  it('names views in the way of migrate, and its remedy lets migrate pass', async () => {
    await target.query(`
      create view report as select contact_name from conversas_analytics;
      create view ids as select conversation_id from conversas_analytics;
      create view newest as select * from vw_etl_stats limit 1;
      create view freshness as select now() - get_last_successful_watermark() as age`)
    const { about } = await pair.examine({ target: target.url })
    const [views] = about('target-views')
    expect(views).toMatchObject({
      outcome: 'critical',
      message: expect.stringContaining(': freshness, newest, report.'),
    })
    await expect(migrate({ target: target.url })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      remedy: expect.stringMatching(
        /^Keep the definitions of the views.* doctor names .* drop them and migrate again/,
      ),
    })
    await target.query(/drop view [^;]*;/.exec(views?.remedy ?? '')?.[0] ?? '')
    expect((await pair.examine({ target: target.url })).about('target-views')).toEqual([])
    await migrate({ target: target.url })
  })

  it('names a role that may not migrate', async () => {
    await using writer = await openWriter(target)
    expect((await pair.examine({ target: writer.url })).about('target-owner')).toMatchObject([
      {
        outcome: 'critical',
        message: `The role ${writer.role} cannot migrate: it does not own conversas_analytics, etl_control, vw_etl_stats.`,
        remedy: expect.stringContaining(`alter table conversas_analytics owner to ${writer.role};`),
      },
    ])
  })
})
