import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

it('names the oldest transaction that was prepared in the database with its age, and its remedy ends it', async () => {
  await pair.source.query(`
    create table notes (v text)`)
  const client = new pg.Client(pair.source.url)
  await client.connect()
  try {
    const names = [`it's ${pair.source.name}`, `second ${pair.source.name}`]
    for (const name of names)
      await client.query(
        `begin; insert into notes values ('a'); prepare transaction '${name.replace("'", "''")}'`,
      )
    const { about } = await pair.examine({ skewAllowance: 0 })
    const [found] = about('source-transactions')
    expect(found).toMatchObject({
      outcome: 'warning',
      message: expect.stringMatching(
        new RegExp(
          `^The transaction 'it''s ${pair.source.name}' was prepared in the database ${pair.source.name} .* ago .* More of them: 1\\.$`,
        ),
      ),
    })
    expect((await pair.examine()).about('source-transactions')).toEqual([])
    const statements = /run: (.*?;) or (.*;)$/.exec(found?.remedy ?? '')
    await client.query(statements?.[1] ?? '')
    await client.query(`rollback prepared 'second ${pair.source.name}'`)
    expect((await pair.examine({ skewAllowance: 0 })).about('source-transactions')).toEqual([])
  } finally {
    await client.end()
  }
})
