import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { rejectsList } from '../../bin/output/rejects-list.js'
import { readRejects, type Rejects } from '../../lib/operations/rejects.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import { openNotes, spoil, type RejectsFixture } from '../fixtures/rejects-fixture.js'

let at: RejectsFixture
let shell: Awaited<ReturnType<typeof openShell>>
beforeAll(async () => {
  ;[at, shell] = await Promise.all([openNotes(40), openShell()])
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
  await shell[Symbol.asyncDispose]()
})

const rejects = (...more: readonly string[]) => shell.run(['rejects', ...more], settings('LOCAL', at.target))

describe('the command rejects', () => {
  it('says so when no row is rejected', async () => {
    await at.run()
    expect(await rejects()).toEqual({ code: 0, stdout: 'No rows are rejected.\n', stderr: '' })
    const { stdout } = await rejects('--json')
    expect(JSON.parse(stdout)).toEqual({ reasons: [], rows: [] })
  })

  it('shows the reasons and keys of each pipeline, each on one line in a pipe', async () => {
    await spoil(at, 'id <= 30')
    await at.source.query('update notes set amount = 0 where id = 35')
    const first = await at.run({ loadType: 'full' })
    await at.run({ pipeline: 'another one', loadType: 'full' })
    await at.run({ loadType: 'full' })
    const { code, stdout, stderr } = await rejects()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const another = [
      '30: a text is longer than the column allows (22001, column body)',
      '1: a check constraint rejects it: amount_is_positive (23514)',
    ]
    const lines = stdout.split('\n')
    expect(lines.slice(0, 3)).toEqual([
      'Pipeline another one, rows rejected: 31',
      ...another.map((line) => `  ${line}`),
    ])
    expect(lines).toContain('Pipeline conversations, rows rejected: 31')
    expect(stdout).toMatch(/^ {2}Keys, newest first: 1 \(2 runs\), 10 \(2 runs\), .*, \.\.\.$/m)

    const { stdout: limited } = await rejects('--pipeline', 'conversations', '--limit', '2')
    expect(limited).not.toContain('another one')
    expect(limited).toMatch(/Keys, newest first: 1 \(2 runs\), 10 \(2 runs\), \.\.\.\n$/)

    const printed = JSON.parse(
      (await rejects('--json', '--pipeline', 'conversations', '--limit', '1')).stdout,
    )
    expect(printed).toEqual(
      JSON.parse(
        JSON.stringify(await readRejects({ target: at.target.url, pipeline: 'conversations', limit: 1 })),
      ),
    )
    expect(printed.reasons).toMatchObject([
      { pipeline: 'conversations', sqlState: '22001', column: 'body', rows: 30 },
      { pipeline: 'conversations', sqlState: '23514', column: null, rows: 1 },
    ])
    expect(printed.rows).toMatchObject([{ key: '1', attempts: 2, sqlState: '22001', column: 'body' }])
    expect(printed.rows[0].executionId).not.toBe(first.executionId)
    expect(stdout + JSON.stringify(printed)).not.toContain('xxx')
  })
})

it('rejected rows fit a narrow terminal, and no name steers it', () => {
  const steering = 'a\u001b[2J\u0007b\u009b31m\u202ec'
  const times = { firstRejectedAt: '', lastRejectedAt: '' }
  const common = {
    ...times,
    pipeline: steering,
    sqlState: '23514',
    column: steering,
    message: `a check constraint rejects it: ${steering}`,
  }
  const keys = Array.from({ length: 20 }, (_, index) => `${steering}-${index}`)
  const given: Rejects = {
    reasons: [{ ...common, rows: 20 }],
    rows: keys.map((key) => ({ ...common, key, attempts: 1, executionId: null })),
  }
  const text = rejectsList(given, 40)
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(text.match(/a\\u001b\[2J\\u0007b\\u009b31m\\u202ec/g)?.length).toBe(23)
  const plain = rejectsList(
    JSON.parse(JSON.stringify(given).replaceAll(JSON.stringify(steering).slice(1, -1), 'name')),
    40,
  )
  expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40)
})
