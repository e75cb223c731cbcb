import { expect, it } from 'vitest'

import { openShell, settings } from '../fixtures/cli-fixture.js'
import { exportCsv } from '../fixtures/stories/export-csv.js'
import { openStories } from '../fixtures/stories/open.js'

const days = [
  '--since',
  '2026-06-01',
  '--until',
  '2026-06-11',
  '--zone',
  'America/Sao_Paulo',
  '--account',
  '1',
]

it('prints the report, as JSON and as CSV too', async () => {
  await using at = await openStories()
  await using shell = await openShell()
  const local = settings('LOCAL', at.target)
  const variables = { ...settings('SOURCE', at.source), ...local }

  const text = await shell.run(['report', ...days, '--by', 'team'], variables)
  expect(text).toMatchObject({ code: 0, stderr: '' })
  expect(text.stdout).toContain(
    'Loja (account 1), 2026-06-01 00:00:00 to 2026-06-11 23:59:59, America/Sao_Paulo\n',
  )
  expect(text.stdout).toMatch(/\nConversations +32 +0 +-\n/)
  expect(text.stdout).toContain("Events of deleted conversations, which Chatwoot's page includes: 0\n")

  const json = await shell.run(['report', ...days, '--json', '--business-hours'], local)
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ businessHours: true, orphanEventsUnknown: 'No source is set.' },
    cards: { conversationsCount: 32, replyTime: 375 },
  })
  const csv = await shell.run(['report', ...days, '--csv'], local)
  expect(csv.stdout.split('\n')[1]).toMatch(/^32,44,44,10434\.78/)
})

it('says by its exit code whether a file of Chatwoot agrees', async () => {
  await using at = await openStories()
  await using shell = await openShell()
  const variables = settings('LOCAL', at.target)
  const compare = async (resolutions: number) => {
    await shell.write('page.csv', exportCsv('en', ['Conversations,Resolution Count'], [[32, resolutions]]))
    return shell.run(['report', ...days, '--compare', 'page.csv'], variables)
  }
  expect(await compare(29)).toMatchObject({
    ...{ code: 0, stdout: expect.stringContaining('Compared with the file: 2 numbers, 2 equal\n') },
  })
  const wrong = await compare(30)
  expect(wrong.code).toBe(4)
  expect(wrong.stdout).toContain('- Resolution Count: the file says 30, the table 29: ')
  expect(await shell.run(['report', ...days, '--compare', 'none.csv'], variables)).toMatchObject({
    ...{ code: 2, stderr: expect.stringContaining('The file none.csv cannot be read.') },
  })
  expect(await shell.run(['report', '--since', '2026-06-01'], variables)).toMatchObject({ code: 2 })
  expect(await shell.run(['report', ...days, '--by', 'inboxes'], variables)).toMatchObject({ code: 2 })
})
