import { expect, it } from 'vitest'

import { openPair, openShell } from '../fixtures/cli-fixture.js'

it('writes the table into a file, and says what is in it', async () => {
  await using at = await openPair()
  await using shell = await openShell()
  expect(await shell.run(['sync', '--quiet', '--no-log-file'], at.variables)).toMatchObject({ code: 0 })

  const text = await shell.run(
    ['export', '--to', 'all.csv', '--without', 'message_compiled,labels'],
    at.variables,
  )
  expect(text).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Exporting \S+\n$/) })
  expect(text.stdout).toMatch(/^30 rows with \d+ columns in \S+all\.csv, [\d.]+ kB, in [\d.]+ s\./)
  expect(text.stdout).toContain('without soft-deleted rows.')

  const json = await shell.run(['export', '--to', 'all', '--format', 'parquet', '--json'], at.variables)
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject({ rows: 30, format: 'parquet', rowsOutOfRange: 0 })
  expect(await shell.run(['export', '--to', 'b.csv', '--quiet'], at.variables)).toEqual({
    ...{ code: 0, stdout: '', stderr: '' },
  })
  expect((await shell.files()).sort()).toEqual(['all', 'all.csv', 'b.csv'])

  const wrong = await shell.run(['export', '--to', 'x.csv', '--without', 'nothing'], at.variables)
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('no column nothing') })
  expect(await shell.run(['export', '--to', 'x.doc'], at.variables)).toMatchObject({ code: 2 })
})
