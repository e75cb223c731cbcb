import { expect, it } from 'vitest'

import { helpOf, openPair, openShell } from '../fixtures/cli-fixture.js'
import { partitionLine } from '../../bin/output/partition-progress.js'

it('the command partitions the table, says what to do next, and undoes it', async () => {
  await using pair = await openPair()
  await using shell = await openShell()
  const run = (...args: string[]) => shell.run([...args, '--no-log-file'], pair.variables)
  expect(await run('sync')).toMatchObject({ code: 0 })

  const planned = await run('partition', '--dry-run')
  expect(planned).toMatchObject({ code: 0, stderr: '' })
  expect(planned.stdout).toMatch(/would be rebuilt by \d+ months: 30 rows, in about /)
  const done = await run('partition')
  expect(done).toMatchObject({ code: 0, stderr: '' })
  expect(done.stdout).toMatch(/^public\.conversas_analytics is partitioned by \d+ months: 30 rows, .+\n/)
  const [drop = ''] = /partition --drop-before \S+/.exec(done.stdout) ?? []
  expect(await run('sync')).toMatchObject({ code: 0 })
  const again = await run('partition', '--json', '--undo')
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('TABLE_NOT_REBUILDABLE') })
  expect(await run(...drop.split(' '))).toMatchObject({ code: 0 })
  const undone = await run('partition', '--json', '--undo')
  expect(JSON.parse(undone.stdout)).toMatchObject({ action: 'unpartitioned', rows: 30, dryRun: false })
  expect(await run('partition', '--cancel')).toMatchObject({ code: 0 })
  expect(await run('partition', '--undo', '--cancel')).toMatchObject({ code: 2 })
})

it('has a help text that ends with examples', async () => {
  const help = await helpOf('partition')
  expect(help).toContain('Examples:\n  chatwoot-sync partition --dry-run\n')
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

it('its bar names what is being done', () => {
  const progress = { monthsDone: 2, monthsExpected: 60, rowsDone: 500, rowsExpected: 1000 }
  expect(partitionLine({ ...progress, phase: 'copy', month: '2026-03' }, 79)).toContain(
    '50%  month 2026-03, 3 of 60  500 rows',
  )
  expect(partitionLine({ ...progress, phase: 'swap', month: null }, 79)).toContain(
    'waiting for a quiet moment',
  )
})
