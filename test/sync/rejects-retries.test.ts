import { expect, it } from 'vitest'

import { change, openNotes, spoil } from '../fixtures/rejects-fixture.js'

const attempts = async (at: Awaited<ReturnType<typeof openNotes>>) =>
  (await at.rejects()).map(({ row_key: key, attempts }) => `${key} ${attempts}`)

it('each run tries a rejected row again, changed or not, until it passes or the source no longer has it', async () => {
  await using at = await openNotes(20)
  await spoil(at, 'id in (3, 5, 7)')
  await at.run()
  const options = { skewAllowance: 0 }
  expect(await at.run(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 3, rowsRejected: 3 })
  expect(await attempts(at)).toEqual(['3 2', '5 2', '7 2'])

  await at.source.query('delete from notes where id = 5')
  // Without a stamp: no run would read it for that.
  await at.source.query(`update notes set body = 'fits' where id = 7`)
  expect(await at.run(options)).toMatchObject({ rowsExtracted: 2, rowsInserted: 1, rowsRejected: 1 })
  expect(await attempts(at)).toEqual(['3 3'])
  expect(await at.stored()).toContain('7 fits')

  await at.source.query('delete from notes where id = 3')
  expect(await at.run({ loadType: 'full' })).toMatchObject({
    rowsExtracted: 18,
    rowsRejected: 0,
    warnings: [],
  })
  expect(await attempts(at)).toEqual([])
})

it('a backfill that goes on tries again what it had left out before it was stopped', async () => {
  await using at = await openNotes(200)
  await spoil(at, 'id in (3, 5, 7, 150)')
  const stop = new AbortController()
  const onProgress = ({ rowsExtracted }: { rowsExtracted: number }) => rowsExtracted >= 100 && stop.abort()
  const options = { batchSize: 50, loadType: 'full' } as const
  await expect(at.run({ ...options, signal: stop.signal, onProgress })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  expect(await attempts(at)).toEqual(['3 1', '5 1', '7 1'])
  await at.source.query(`update notes set body = 'fits' where id = 5`)
  await at.source.query('delete from notes where id = 7')

  const resumed = await at.run(options)

  expect(resumed.reason).toContain('resumes the full load')
  expect(resumed).toMatchObject({ rowsRejected: 2 })
  expect(await attempts(at)).toEqual(['3 2', '150 1'])
  const stored = (await at.stored()).map((row) => parseInt(row))
  expect(stored).toEqual(
    Array.from({ length: 200 }, (_, at) => at + 1).filter((id) => ![3, 7, 150].includes(id)),
  )
  expect(await at.stored()).toContain('5 fits')
})

it.each(['full', 'incremental'] as const)(
  'a dry %s run counts what would be rejected, and writes nothing',
  async (loadType) => {
    await using at = await openNotes(50)
    await spoil(at, 'id in (3, 5)')
    await at.run()
    await change(at, `body = repeat('x', 21)`, 'id = 7')
    await change(at, 'amount = 0', 'id = 8')
    await change(at, `body = 'good'`, 'id = 9')
    await at.source.query('delete from notes where id = 5')
    const content = () =>
      Promise.all(
        ['notes', 'etl_rejects', 'etl_control'].map((table) =>
          at.target.query(`select xmin::text, t::text from ${table} t order by 2`),
        ),
      )
    const before = await content()
    expect(await at.run({ loadType, dryRun: true, skewAllowance: 0 })).toMatchObject({
      ...{ loadType, rowsRejected: 3, rowsUpdated: 1, rowsInserted: 0, dryRun: true },
      warnings: expect.arrayContaining([
        { code: 'ROWS_REJECTED', message: expect.stringContaining('2 of them because a text is longer') },
      ]),
    })
    expect(await content()).toEqual(before)
  },
)

it('the content of a rejected row is kept where that is wanted, and only as long as it is', async () => {
  await using at = await openNotes(20)
  const body = '"it\'s {hostile}",\n\t\\u0000 👍 '
  await at.source.query(`update notes set body = $1 || repeat('x', 20) where id = 3`, [body])
  const kept = async () =>
    at.target.query('select row_data from etl_rejects where pipeline = $1', ['conversations'])
  await at.run()
  expect(await kept()).toEqual([{ row_data: null }])
  await at.run({ keepRejected: true })
  const content = {
    id: '3',
    changed_at: '2026-01-01 00:00:00',
    body: body + 'x'.repeat(20),
    amount: '3',
    code: '3',
  }
  expect(await kept()).toEqual([{ row_data: content }])
  await at.run({ keepRejected: true, loadType: 'full', pipeline: 'another' })
  expect(await at.target.query(`select row_data from etl_rejects where pipeline = 'another'`)).toEqual([
    { row_data: content },
  ])
  await at.run()
  expect(await kept()).toEqual([{ row_data: null }])
})
